"""One running shop for all tests of real clients."""

from collections.abc import Iterator

import pytest

from tests.clients.shop import Shop, bundle, running_shop


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The service, a page on another origin, keys."""
    with running_shop(tmp_path_factory.mktemp("shop")) as running:
        yield running


@pytest.fixture(scope="session")
def pages(shop: Shop) -> Shop:
    """The shop with its pages bundled for a browser."""
    bundle(shop.site)
    return shop
