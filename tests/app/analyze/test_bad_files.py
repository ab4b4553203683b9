"""Files and plans with mistakes: the command names file, row and column, or the plan's key; no traceback."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app.cli.analyze import analyze

PLAN = """
control = "a"
primary = "conversion_rate"
window_days = 3
settle_days = 0
currency = "RUB"
margin_share = 0.3
weights = {a = 0.5, b = 0.5}
"""
EXPOSURES = "unit_id,variant,occurred_at\nu-1,a,2026-01-01T10:00:00Z\nu-2,b,2026-01-01T11:00:00Z\n"
ORDERS = (
    "order_id,unit_id,occurred_at,currency,items_minor,discount_minor\n"
    "o-1,u-1,2026-01-01T12:00:00Z,RUB,1000,0\no-2,u-2,2026-01-02T12:00:00+03:00,RUB,2000,100\n"
)


def command(folder: Path, exposures: bytes | str, orders: bytes | str, plan: str) -> Result:
    for name, content in (("exposures.csv", exposures), ("orders.csv", orders), ("plan.toml", plan)):
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    files = [f"--{name}={folder / name}.csv" for name in ("exposures", "orders")]
    return CliRunner().invoke(analyze, ["events", *files, f"--plan={folder / 'plan.toml'}"])


def test_the_good_files_are_read(tmp_path: Path) -> None:
    done = command(tmp_path, EXPOSURES, ORDERS, PLAN)
    assert done.exit_code == 0, done.output
    assert "not used" not in done.output.replace("not used: 2 immature", "")


BAD_EXPOSURES: dict[str, tuple[str | bytes, tuple[str, ...]]] = {
    "an empty file": ("", ("exposures.csv", "empty")),
    "no column of variants": (EXPOSURES.replace("variant", "arm", 1), ("exposures.csv", "'variant'")),
    "a column twice": (EXPOSURES.replace("variant", "unit_id", 1), ("exposures.csv", "'unit_id'")),
    "not text at all": (b"\x89PNG\r\n\x1a\n\x00\xff\xfe", ("exposures.csv",)),
    "a row with too many cells": (EXPOSURES + "u-3,a,2026-01-01T10:00:00Z,more\n", ("exposures.csv",)),
    "an unfinished quote": (EXPOSURES + '"u-3,a\n', ("exposures.csv",)),
}


@pytest.mark.parametrize("name", sorted(BAD_EXPOSURES))
def test_a_broken_file_is_named(tmp_path: Path, name: str) -> None:
    content, said = BAD_EXPOSURES[name]
    done = command(tmp_path, content, ORDERS, PLAN)
    assert done.exit_code == 1, done.output
    assert done.output.startswith("Error: ")
    assert [word for word in said if word not in done.output] == []
    assert isinstance(done.exception, SystemExit)


BAD_ORDERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "money as words": ("o-3,u-1,2026-01-01T12:00:00Z,RUB,ten,0", ("orders.csv", "row 4", "items_minor")),
    "money with kopecks": ("o-3,u-1,2026-01-01T12:00:00Z,RUB,10.5,0", ("orders.csv", "row 4", "items_minor")),
    "more than fits": (f"o-3,u-1,2026-01-01T12:00:00Z,RUB,{2**70},0", ("orders.csv", "row 4", "items_minor")),
}


@pytest.mark.parametrize("name", sorted(BAD_ORDERS))
def test_a_cell_that_is_no_number_is_named_by_row_and_column(tmp_path: Path, name: str) -> None:
    line, said = BAD_ORDERS[name]
    done = command(tmp_path, EXPOSURES, f"{ORDERS}{line}\n", PLAN)
    assert done.exit_code == 1, done.output
    assert [word for word in said if word not in done.output] == []


ASIDE: dict[str, tuple[str, str, str]] = {
    "a time without an offset": ("u-3,a,2026-01-01T10:00:00", "", "bad_time (exposures.csv row 4)"),
    "no time": ("u-3,a,yesterday", "", "bad_time (exposures.csv row 4)"),
    "no unit": (",a,2026-01-01T10:00:00Z", "", "missing_id (exposures.csv row 4)"),
    "an unknown variant": ("u-3,c,2026-01-01T10:00:00Z", "", "unknown_variant (exposures.csv row 4)"),
    "an order without a unit": ("", "o-3,,2026-01-01T12:00:00Z,RUB,1,0", "missing_id (orders.csv row 4)"),
    "an order told twice, differently": (
        "",
        "o-1,u-1,2026-01-01T12:00:00Z,RUB,9999,0",
        "order_conflict (orders.csv row 4)",
    ),
}


@pytest.mark.parametrize("name", sorted(ASIDE))
def test_a_row_that_cannot_be_used_is_named_and_the_rest_is_read(tmp_path: Path, name: str) -> None:
    shown, bought, said = ASIDE[name]
    done = command(tmp_path, EXPOSURES + shown + "\n", ORDERS + bought + "\n", PLAN)
    assert done.exit_code == 0, done.output
    assert f"not used: 1 {said}" in done.output


def test_a_unit_in_two_variants_counts_under_the_first_and_is_named(tmp_path: Path) -> None:
    done = command(tmp_path, EXPOSURES + "u-1,b,2026-01-02T10:00:00Z\n", ORDERS, PLAN)
    assert done.exit_code == 0, done.output
    assert "not used: 1 two_variants (exposures.csv row 4)" in done.output


BAD_PLANS: dict[str, tuple[str, tuple[str, ...]]] = {
    "not TOML": ("control = a", ("plan.toml",)),
    "no control": (PLAN.replace('control = "a"', ""), ("control", "missing")),
    "a control nobody has": (PLAN.replace('control = "a"', 'control = "z"'), ("control", "'z'")),
    "an unknown key": (f"colour = 1\n{PLAN}", ("colour",)),
    "a negative weight": (PLAN.replace("a = 0.5", "a = -0.5"), ("weights",)),
    "alpha of 2": (f"alpha = 2\n{PLAN}", ("alpha", "0.5")),
    "an unknown metric": (PLAN.replace("conversion_rate", "happiness"), ("happiness",)),
    "a zone of nowhere": (f'timezone = "Mars/Base"\n{PLAN}', ("timezone",)),
    "days as text": (PLAN.replace("window_days = 3", 'window_days = "3"'), ("window_days",)),
}


@pytest.mark.parametrize("name", sorted(BAD_PLANS))
def test_a_bad_plan_is_named_by_its_key(tmp_path: Path, name: str) -> None:
    plan, said = BAD_PLANS[name]
    done = command(tmp_path, EXPOSURES, ORDERS, plan)
    assert done.exit_code == 1, done.output
    assert isinstance(done.exception, SystemExit)
    assert [word for word in said if word not in done.output] == []


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "units.xlsx").write_bytes(b"PK")
    (tmp_path / "plan.toml").write_text('control = "a"\n[[metrics]]\nkey = "x"\nkind = "mean"\n')
    done = CliRunner().invoke(
        analyze, ["units", str(tmp_path / "units.xlsx"), f"--plan={tmp_path / 'plan.toml'}"]
    )
    assert done.exit_code == 1
    assert "units.xlsx is neither .csv nor .parquet" in done.output
