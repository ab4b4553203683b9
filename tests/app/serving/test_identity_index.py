"""The index of links on disk. Oracle: `app.identity.resolve` of all links at once, and the files' bytes."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.identity.resolve import Link, resolve
from app.serving import id_table
from app.serving.aliases import AliasIndex
from app.serving.id_table import IdTable, TableFull, create, key_of
from app.serving.index_file import IndexFile
from tests.support.links import CUSTOMERS, VISITORS, links


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IndexFile]:
    file = IndexFile(tmp_path_factory.mktemp("index"))
    yield file
    file.close()


def _emptied(file: IndexFile) -> AliasIndex:
    with file.transaction():
        for name in ("visitors", "customers", "others", "contradictions"):
            file.execute(f"DELETE FROM {name}")  # noqa: S608 - a table of ours
        file.advance(0, None, [key_of(str(customer)) for customer in CUSTOMERS])
    return AliasIndex(file)


def _row(link: Link) -> tuple[str, str, int, str]:
    return str(link.visitor), str(link.customer), link.occurred_us, link.event_id


@settings(max_examples=150, deadline=None)
@given(some=links, data=st.data())
def test_whatever_the_order_of_arrival_the_index_says_what_resolving_all_links_says(
    shared: IndexFile, some: list[Link], data: st.DataObject
) -> None:
    index = _emptied(shared)
    arriving = data.draw(st.permutations(some + some[:3]))
    split = data.draw(st.integers(0, len(arriving)))
    index.take(map(_row, arriving[:split]))
    index.take(map(_row, arriving[split:]))
    expected = resolve(some, "visitor").unit_of
    found = {customer: index.canonical(str(customer)) for customer in CUSTOMERS}
    assert found == {c: str(expected[c]) if c in expected else None for c in CUSTOMERS}
    pairs = {(link.visitor, link.customer) for link in some}
    owner = resolve(some, "customer").unit_of
    assert index.contradicting() == sum(owner[visitor] != customer for visitor, customer in pairs)


@settings(max_examples=100, deadline=None)
@given(some=links, gone=st.sampled_from(VISITORS))
def test_a_forgotten_visitor_is_as_one_that_was_never_linked(
    shared: IndexFile, some: list[Link], gone: int
) -> None:
    index = _emptied(shared)
    index.take(map(_row, some))
    index.forget([str(gone)])
    expected = resolve([link for link in some if link.visitor != gone], "visitor").unit_of
    found = {customer: index.canonical(str(customer)) for customer in CUSTOMERS}
    assert found == {c: str(expected[c]) if c in expected else None for c in CUSTOMERS}


def _bytes_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_after_forgetting_no_byte_of_an_id_is_in_any_file(tmp_path: Path) -> None:
    file = IndexFile(tmp_path)
    index = AliasIndex(file)
    rows = [(f"visitor-{n:05}-end", f"customer-{n // 2}", 1_000_000 - n, f"event-{n}") for n in range(6_000)]
    index.take(rows)  # the later one of two is the earlier: the first stood for the customer for a while
    gone = [f"visitor-{n:05}-end" for n in range(0, 6_000, 7)]
    assert all(one.encode() in _bytes_of(tmp_path) for one in gone[:5])
    index.forget(gone)
    content = _bytes_of(tmp_path)
    assert [one for one in gone if one.encode() in content] == []
    assert index.canonical("customer-1") == "visitor-00003-end"
    file.close()


def test_a_forgotten_customer_takes_all_its_visitors_along(tmp_path: Path) -> None:
    file = IndexFile(tmp_path)
    index = AliasIndex(file)
    index.take(
        [("phone-of-anna", "anna", 1, "a"), ("laptop-of-anna", "anna", 2, "b"), ("tv", "boris", 3, "c")]
    )
    index.forget([], ["anna"])
    assert (index.canonical("anna"), index.canonical("boris")) == (None, "tv")
    assert b"of-anna" not in _bytes_of(tmp_path)
    file.close()


def test_a_restart_finds_every_link_and_builds_nothing_anew(tmp_path: Path) -> None:
    file = IndexFile(tmp_path)
    AliasIndex(file).take([(f"v{n}", f"c{n}", n, f"e{n}") for n in range(3_000)])
    inode = file.table.inode
    file.close()
    again = IndexFile(tmp_path)
    index = AliasIndex(again)
    assert again.table.inode == inode
    assert all(index.canonical(f"c{n}") == f"v{n}" for n in range(3_000))
    assert index.canonical("c3000") is None
    again.close()


@pytest.mark.parametrize("harm", ["cut", "noise", "gone", "unfinished", "other boot"])
def test_a_table_that_cannot_be_trusted_is_built_anew_from_the_links(
    tmp_path: Path, harm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = IndexFile(tmp_path)
    AliasIndex(file).link("phone", "anna", 1, "a")
    path = tmp_path / "ids"
    if harm == "unfinished":
        file.table.write([], seq=2**40)
    file.close()
    if harm == "cut":
        os.truncate(path, 100)
    elif harm == "noise":
        path.write_bytes(b"noise" * 1000)
    elif harm == "gone":
        path.unlink()
    elif harm == "other boot":
        monkeypatch.setattr(id_table, "BOOT", 12345)
    again = IndexFile(tmp_path)
    assert AliasIndex(again).canonical("anna") == "phone"
    again.close()


def test_two_workers_share_one_index_and_see_each_others_links_at_once(tmp_path: Path) -> None:
    files = IndexFile(tmp_path), IndexFile(tmp_path)
    one, other = map(AliasIndex, files)
    one.link("phone", "anna", 20, "a")
    other.show(files[1])
    assert other.canonical("anna") == "phone"
    other.link("laptop", "anna", 10, "b")
    assert (one.canonical("anna"), other.canonical("anna")) == ("laptop", "laptop")
    other.take([(f"v{n}", f"c{n}", n, f"e{n}") for n in range(5_000)])  # outgrows the table: a new file
    one.link("tv", "boris", 1, "c")
    assert (one.canonical("c4999"), one.canonical("boris")) == ("v4999", "tv")
    for file in files:
        file.close()


def test_a_reader_finds_the_old_answer_or_the_new_one_while_it_is_changed(tmp_path: Path) -> None:
    create(tmp_path / "ids", 0, 0, [], 0)
    table = IdTable(tmp_path / "ids")
    seen = []
    keys = [(key_of("anna"), "phone"), (key_of("anna"), "laptop"), (key_of("anna"), None)]
    for change in keys:
        table.write([change], 0)
        seen.append(table.find("anna"))
    assert seen == ["phone", "laptop", None]


def test_a_full_table_says_so(tmp_path: Path) -> None:
    create(tmp_path / "ids", 0, 0, [], 0)
    table = IdTable(tmp_path / "ids")
    with pytest.raises(TableFull):
        table.write(((key_of(f"c{n}"), f"v{n}") for n in range(1_000)), 1)
    assert not table.stands_at(1)


def test_ids_of_any_script_and_broken_halves_are_found_again(tmp_path: Path) -> None:
    file = IndexFile(tmp_path)
    index = AliasIndex(file)
    index.link("посетитель-1", "клиент", 1, "a")
    index.link("מבקר", "🙂", 1, "b")
    assert (index.canonical("клиент"), index.canonical("🙂")) == ("посетитель-1", "מבקר")
    assert index.canonical("\ud83d") is None
    file.close()


def test_the_files_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    file = IndexFile(tmp_path / "index")
    AliasIndex(file).link("phone", "anna", 1, "a")
    modes = [path.stat().st_mode & 0o077 for path in (tmp_path / "index").iterdir()]
    assert len(modes) >= 2
    assert not any(modes)
    file.close()
