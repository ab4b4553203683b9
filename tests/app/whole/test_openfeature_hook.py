"""The hook of the clients page, as written there, with the real OpenFeature SDK and OFREP provider."""

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext

from tests.support.inprocess import definition
from tests.support.live import ROOT, Live, live_service

KEY = "promo-code-reuse"
PAGE = (ROOT / "docs" / "clients.md").read_text(encoding="utf-8")
HOOK = next(block for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "Exposures" in block)


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live_service(tmp_path_factory.mktemp("openfeature")) as running:
        with running.client() as client:
            assert client.post("/api/v1/experiments", json=definition()).status_code == 201
            assert client.post(f"/api/v1/experiments/{KEY}/start").status_code == 200
        time.sleep(2.2)  # every worker knows it within two seconds
        yield running


def test_the_hook_as_written_stores_each_exposure_once(live: Live) -> None:
    with live.client() as client:
        key = client.post("/api/v1/keys", json={"kind": "pub", "name": "web"}).json()["key"]
    time.sleep(2.2)
    api.set_provider(OFREPProvider(live.url, headers_factory=lambda: {"authorization": f"Bearer {key}"}))
    written: dict[str, Any] = {}
    as_here = HOOK.replace("https://offers.example", live.url).replace("olk_pub_…", key)
    exec(as_here, written)  # noqa: S102 - the page's own words are what is tested
    client_of_feature = written["client"]
    for _ in range(3):
        for visitor in ("v-1", "v-2"):
            found = client_of_feature.get_object_details(KEY, {}, EvaluationContext(visitor))
            assert found.variant in {"single-use", "reusable"}
    with live.client() as client:
        rows = client.get(f"/api/v1/experiments/{KEY}/export/exposures.csv").text.splitlines()[1:]
    assert len(rows) == 2
    (hook,) = client_of_feature.hooks
    hook.http.close()
    api.clear_providers()
