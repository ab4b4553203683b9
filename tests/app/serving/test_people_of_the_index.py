"""All ids of one person from the local index. Oracle: `app.identity.resolve` of all links at once."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.identity.resolve import Link, resolve
from app.serving.id_table import key_of
from app.serving.index_file import IndexFile, IndexHome
from app.serving.people import Ids, People
from app.serving.read_anew import begun, finished, staged
from tests.support.links import CUSTOMERS, VISITORS, links


class Home:
    """A home whose index tests may empty."""

    def __init__(self, folder: Path) -> None:
        self.home = IndexHome(folder)
        self.file = self.home.open(None)
        self.people = People(self.home)

    def holding(self, some: list[Link]) -> People:
        """The people of these links alone."""
        with self.file.transaction():
            for name in ("visitors", "customers", "others", "contradictions"):
                self.file.execute(f"DELETE FROM {name}")  # noqa: S608 - a table of ours
            taken = self.file.links.take(map(_row, some))
            self.file.advance(0, None, {key_of(str(one)) for one in CUSTOMERS} | taken.customers)
        return self.people


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    home = Home(tmp_path_factory.mktemp("people"))
    yield home
    home.people.close()
    home.file.close()


def _row(link: Link) -> tuple[str, str, int, str]:
    return str(link.visitor), str(link.customer), link.occurred_us, link.event_id


def _expected(some: list[Link], visitor: int | None, customer: int | None) -> tuple[set[str], set[str]]:
    owner = resolve(some, "customer").unit_of
    whose = owner.get(visitor, customer) if customer is None and visitor is not None else customer
    visitors = {one for one, its in owner.items() if its == whose}
    if visitor is not None and visitor not in owner:
        visitors.add(visitor)
    return set(map(str, visitors)), set() if whose is None else {str(whose)}


def _same(found: Ids, expected: tuple[set[str], set[str]]) -> bool:
    return (set(found.visitors), set(found.customers)) == expected and len(found.visitors) == len(expected[0])


@settings(max_examples=200, deadline=None)
@given(
    some=links,
    visitor=st.sampled_from([None, *VISITORS, 9]),
    customer=st.sampled_from([None, *CUSTOMERS, 109]),
)
def test_a_person_has_the_ids_that_all_links_together_say(
    shared: Home, some: list[Link], visitor: int | None, customer: int | None
) -> None:
    found = shared.holding(some).ids_of(
        None if visitor is None else str(visitor), None if customer is None else str(customer)
    )
    assert _same(found, _expected(some, visitor, customer))
    canonical = resolve(some, "visitor").unit_of
    if customer in canonical:
        assert found.visitors[0] == str(canonical[customer])


def test_an_index_that_was_read_anew_knows_the_customers_too(tmp_path: Path) -> None:
    home = IndexHome(tmp_path)
    home.open(None).close()
    folder = home.new_folder()
    some = [("phone", "anna", 1, "a"), ("laptop", "anna", 2, "b"), ("laptop", "boris", 3, "c")]
    connection = begun(folder)
    staged(connection, some)
    finished(connection, folder, (0, None))
    home.use(folder)
    people = People(home)
    assert people.ids_of("laptop", None) == (("phone", "laptop"), ("anna",))
    assert people.ids_of("laptop", "boris") == ((), ("boris",))
    people.close()


def test_an_index_of_the_format_before_is_read_again(tmp_path: Path) -> None:
    home = IndexHome(tmp_path)
    old = home.open(None)
    old.execute("PRAGMA user_version = 1")
    old.close()
    new = home.open(None)
    assert new.folder != old.folder
    new.close()


@pytest.mark.parametrize("content", [b"", b"not a database at all, but long enough to be one" * 20])
def test_an_index_that_cannot_be_read_leaves_the_ids_that_were_named(tmp_path: Path, content: bytes) -> None:
    home = IndexHome(tmp_path)
    file: IndexFile = home.open(None)
    file.close()
    people = People(home)
    for rest in file.folder.glob("links.sqlite3-*"):
        rest.unlink()
    (file.folder / "links.sqlite3").write_bytes(content)
    assert people.ids_of("phone", "anna") == (("phone",), ("anna",))
    people.close()


def test_without_an_index_there_are_the_ids_that_were_named(tmp_path: Path) -> None:
    people = People(IndexHome(tmp_path / "nowhere"))
    assert people.ids_of("phone", None) == (("phone",), ())
    assert people.ids_of(None, "anna") == ((), ("anna",))
