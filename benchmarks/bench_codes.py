"""Redeeming different codes, group commit against a commit each; a million issued, pooled, imported."""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import chi2

from app.bootstrap import running, wire
from app.codes.alphabet import ALPHABET, LENGTH, new_code
from app.codes.person import Person
from app.codes.service import Basket, Redeem, Vault
from app.codes.terms import CodeTerms, terms_of
from app.database import migrate
from app.ledger import writer
from app.settings import Settings
from benchmarks.codes import over_http, pools
from benchmarks.side_by_side import machine

CLIENTS = 64
EACH = 20
ROUNDS = 5
ISSUED = 1_000_000
DEFINITION: dict[str, Any] = {
    "key": "bench",
    "unit": "visitor",
    "variants": [
        {
            "key": "a",
            "offer": {
                "kind": "amount_off",
                "amount_minor": 500,
                "code": {"issue": "per_visitor", "uses_per_customer": 1},
            },
        }
    ],
}


def _seed(services: Any, vault: Vault, count: int) -> list[bytes]:
    """So many codes; their digests."""
    sealed = [vault.mint() for _ in range(count)]
    rows = [(one.digest, one.ciphertext) for one in sealed]
    connection = services.database.raw_connection()
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(
        "INSERT INTO codes (digest, ciphertext, experiment, variant, kind, owner, uses_left, created_at_us)"
        " VALUES (?, ?, 'bench', 'a', 'personal', 1, 1, 0)",
        rows,
    )
    connection.execute("COMMIT")
    connection.close()
    return [one.digest for one in sealed]


async def _redeem(
    services: Any, digests: list[bytes], terms_of_code: Callable[..., CodeTerms | None]
) -> float:
    """Seconds for 64 clients to redeem these, each one after another."""

    async def client(mine: list[bytes]) -> None:
        for digest in mine:
            person = Person(digest.hex()[:16], None)
            basket = Basket(discount_minor=500)
            await services.ledger.do(Redeem(digest, person, digest.hex(), basket, terms_of_code))

    started = time.perf_counter()
    await asyncio.gather(*(client(digests[number::CLIENTS]) for number in range(CLIENTS)))
    return time.perf_counter() - started


async def _compare(folder: Path) -> None:
    settings = Settings(data_dir=folder, secret="b" * 32)
    migrate(settings.url)
    terms = terms_of(DEFINITION, "a")
    group: list[float] = []
    single: list[float] = []
    async with running(wire(settings)) as services:
        vault = Vault(settings)
        batch = writer.BATCH_EVENTS
        for _ in range(ROUNDS):
            for taken, most in ((group, batch), (single, 1)):
                digests = _seed(services, vault, CLIENTS * EACH)
                writer.BATCH_EVENTS = most
                taken.append(await _redeem(services, digests, lambda *_: terms))
        writer.BATCH_EVENTS = batch
    count = CLIENTS * EACH
    ratio = sorted(one / many for one, many in zip(single, group, strict=True))[ROUNDS // 2]
    print(
        f"redeem, {CLIENTS} clients, different codes, at the writer: group commit"
        f" {count / sorted(group)[ROUNDS // 2]:,.0f}/s, commit per request"
        f" {count / sorted(single)[ROUNDS // 2]:,.0f}/s, ratio {ratio:.2f} (reach 3)"
    )


def _issue(count: int) -> None:
    """Draw codes; no duplicate, and every letter equally likely at every place."""
    started = time.perf_counter()
    codes = [new_code(os.urandom) for _ in range(count)]
    drawn = time.perf_counter() - started
    vault = Vault(Settings(secret="b" * 32))
    started = time.perf_counter()
    for _ in range(count):
        vault.mint()
    sealed = time.perf_counter() - started
    letters = np.frombuffer("".join(codes).encode(), np.uint8).reshape(count, LENGTH)
    expected = count / len(ALPHABET)
    pvalues = []
    for place in range(LENGTH):
        counts = np.bincount(letters[:, place], minlength=128)[np.frombuffer(ALPHABET.encode(), np.uint8)]
        statistic = float(((counts - expected) ** 2).sum() / expected)
        pvalues.append(float(chi2.sf(statistic, len(ALPHABET) - 1)))
    print(
        f"issue {count:,} codes: drawn in {drawn:.1f} s, drawn, hashed and encrypted in {sealed:.1f} s;"
        f" duplicates {count - len(set(codes))}; smallest chi-square p of {LENGTH} places {min(pvalues):.4f}"
    )


def main() -> None:
    """Measure; `--quick` issues a tenth, and makes pools of a tenth."""
    print(machine())
    _issue(ISSUED // 10 if "--quick" in sys.argv else ISSUED)
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_compare(Path(folder)))
    with tempfile.TemporaryDirectory() as folder:
        over_http.measure(Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        pools.measure(Path(folder), (10_000, 100_000) if "--quick" in sys.argv else (100_000, 1_000_000))


if __name__ == "__main__":
    main()
