"""Draws the pictures of docs/methods from the methods themselves: ./dev bench method_pictures.

Every picture is computed by `stats` from seeded data and drawn by the page's own Plotly in Chromium.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.pictures import comparisons, looks, offers, people
from benchmarks.pictures.drawing import Picture
from tests.support.browser import chromium_page

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "pictures"

PICTURES: dict[str, Callable[[], Picture]] = {
    "sequential": looks.sequential,
    "several-variants": looks.several_variants,
    "at-the-stop": looks.at_the_stop,
    "futility": looks.futility,
    "anytime": looks.anytime,
    "evidence": looks.evidence,
    "sample-ratio": looks.sample_ratio,
    "planning": looks.planning,
    "pull-forward": offers.pull_forward_curve,
    "bunching": offers.bunching,
    "profit-at-a-margin": offers.profit,
    "subsidy": offers.subsidy_bounds,
    "redeemers": offers.redeemer_sets,
    "abuse": offers.suspected_ids,
    "adjustment": comparisons.adjustment,
    "shares": comparisons.shares,
    "means": comparisons.means,
    "ratios": comparisons.ratios,
    "counts": comparisons.counts,
    "quantiles": comparisons.quantiles,
    "guardrails": comparisons.guardrails,
    "posterior": comparisons.posterior,
    "several-questions": comparisons.several_questions,
    "repeat-purchase": people.repeat_purchase,
    "orders-over-time": people.orders_over_time,
    "fading": people.fading,
    "simulation": people.simulation,
}


def as_figure(picture: Picture) -> dict[str, Any]:
    """Plotly's figure of a picture, on white paper."""
    traces, x_title, y_title = picture
    axis = {"gridcolor": "#e3e6ea", "zerolinecolor": "#9aa3ad", "linecolor": "#9aa3ad"}
    layout = {
        "width": 760,
        "height": 400,
        "margin": {"l": 84, "r": 16, "t": 12, "b": 104},
        "font": {"family": "DejaVu Sans, sans-serif", "size": 14, "color": "#20262d"},
        "paper_bgcolor": "#ffffff",
        "plot_bgcolor": "#ffffff",
        "legend": {"orientation": "h", "x": 0, "y": -0.25, "yanchor": "top"},
        "xaxis": {"title": {"text": x_title, "standoff": 8}, **axis},
        "yaxis": {"title": {"text": y_title}, **axis},
    }
    return {"data": traces, "layout": layout}


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    script = (ROOT / "dashboards" / "static" / "vendor" / "plotly-basic.min.js").read_text(encoding="utf-8")
    with chromium_page() as watched:
        watched.page.set_content("<div id=paper></div>")
        watched.page.add_script_tag(content=script)
        for name, draw in PICTURES.items():
            figure = json.dumps(as_figure(draw()))
            watched.page.evaluate(f"Plotly.newPlot('paper', {figure}.data, {figure}.layout)")
            size = "{format: 'png', width: 760, height: 400, scale: 1}"
            address = watched.page.evaluate(f"Plotly.toImage('paper', {size})")
            save(FOLDER / f"{name}.png", address)
            print(f"drew docs/pictures/{name}.png", flush=True)


def save(path: Path, address: str) -> None:
    """Write a data address as a file."""
    import base64

    path.write_bytes(base64.b64decode(address.partition(",")[2]))


if __name__ == "__main__":
    main()
