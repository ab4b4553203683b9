"""dashboards.figures: WHICH PICTURE.

Question: how does an effect, a curve, an interval look so that its uncertainty is seen?
In: looks and curves of result objects. Out: Plotly figures as plain dictionaries and lists.
May import: stats.results, dashboards.palette, dashboards.wording. Plotly only validates, in tests.
Next door: the script that draws them is `static/charts.js`; their tables are in `dashboards.pages`.
"""

from dashboards.figures.effect_over_time import effect_over_time
from dashboards.figures.repeat_curves import repeat_curves

__all__ = ["effect_over_time", "repeat_curves"]
