"""Writes docs/reference/ from the code: settings, endpoints, commands, metrics. Run by `./dev docs`."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from stats.metrics import MetricDefinition

WRITTEN = "<!-- written by ./dev docs from the code; change the code, not this page -->\n"


def settings_page() -> str:
    """One row per setting: name, default, meaning."""
    from app.settings import Settings

    rows = [
        f"| `OFFERLAB_{name.upper()}` | `{field.default}` | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    head = "# Settings\n\nAll come from the environment; command-line options win.\n\n"
    return WRITTEN + head + "| setting | default | meaning |\n|---|---|---|\n" + "\n".join(rows) + "\n"


def endpoints_page() -> str:
    """One row per operation: method, path, key kinds, meaning."""
    from app.main import create_app
    from app.settings import Settings

    settings = Settings(secret="reference")  # noqa: S106 - nothing is signed
    document: dict[str, Any] = create_app(settings).slow_app.openapi()
    rows = [
        f"| `{method.upper()}` | `{path}` | {_kinds(operation)} | {_first_line(operation)} |"
        for path, operations in sorted(document["paths"].items())
        for method, operation in sorted(operations.items())
    ]
    full = "The full description with schemas is `GET /openapi.json` (for people: `GET /docs`)."
    head = f"# Endpoints\n\n{full}\n\n"
    return (
        WRITTEN
        + head
        + "| method | path | keys | what it does |\n|---|---|---|---|\n"
        + "\n".join(rows)
        + "\n"
    )


def _kinds(operation: dict[str, Any]) -> str:
    return ", ".join(operation.get("x-key-kinds", ["session"]))


def _first_line(operation: dict[str, Any]) -> str:
    text = operation.get("description") or operation.get("summary") or ""
    return str(text).strip().splitlines()[0] if text.strip() else ""


def commands_page() -> str:
    """One section per command with its help text."""
    from app.cli.main import offerlab

    sections = [f"## `{path}`\n\n```text\n{text}\n```\n" for path, text in _helps(offerlab, "offerlab")]
    return WRITTEN + "# Commands\n\nAfter `./dev setup`: `.venv/bin/offerlab`.\n\n" + "\n".join(sections)


def _helps(command: click.Command, path: str) -> Iterator[tuple[str, str]]:
    context = click.Context(
        command,
        info_name=path,
        max_content_width=100,
        terminal_width=100,
        help_option_names=["-h", "--help"],  # as the real run has them: click remembers the first it saw
    )
    yield path, command.get_help(context).rstrip()
    if isinstance(command, click.Group):
        for name in sorted(command.commands):
            yield from _helps(command.commands[name], f"{path} {name}")


def metrics_page() -> str:
    """One row per metric of the catalogue, and one per statistic of custom events."""
    from stats.metrics import CATALOGUE, CUSTOM_STATISTICS

    takes = {
        "sku_orders_per_unit": '`{"key": "sku_orders_per_unit", "sku": "…"}`',
        "threshold_bunching": "`threshold_minor`; else the largest of the offers",
    }
    rows = [_metric_row(f"`{key}`", CATALOGUE[key], takes.get(key, "")) for key in sorted(CATALOGUE)]
    rows += [
        _metric_row("`custom:EVENT`", definition, f'`"statistic": "{statistic}"`, `direction`')
        for statistic, definition in CUSTOM_STATISTICS.items()
    ]
    head = "# Metrics\n\nHow each is counted is defined in [methods/metrics.md](../methods/metrics.md).\n\n"
    table = "| key | statistic | unit | good direction | use | takes |\n|---|---|---|---|---|---|\n"
    return WRITTEN + head + table + "\n".join(rows) + "\n"


def _metric_row(name: str, metric: "MetricDefinition", takes: str) -> str:
    unit = "minor units" if metric.money else "share or count"
    use = "explanatory: shown, never decides" if metric.explanatory else "may be primary"
    return f"| {name} | {metric.kind} | {unit} | {metric.direction} | {use} | {takes} |"


PAGES = {
    "settings.md": settings_page,
    "endpoints.md": endpoints_page,
    "commands.md": commands_page,
    "metrics.md": metrics_page,
}


def main(folder: Path) -> None:
    """Write every page into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, page in PAGES.items():
        (folder / name).write_text(page(), encoding="utf-8")
        click.echo(f"wrote {folder / name}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
