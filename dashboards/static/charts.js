"use strict";
// Draws each <script type="application/json" class="figure-data"> into the element it names.
// Ink and grid come from the page's own colours, so light and dark schemes fit.
(() => {
  const config = {
    locale: document.documentElement.lang,
    responsive: true,
    displaylogo: false,
    showSendToCloud: false, // would upload the chart to a foreign host
    modeBarButtons: [["toImage"]],
    toImageButtonOptions: { format: "svg" },
  };

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function dressed(layout, width) {
    const ink = colour("--quiet");
    const grid = colour("--line");
    const axis = { color: ink, gridcolor: grid, linecolor: grid, zerolinecolor: colour("--ink") };
    const marks = (items, style) => (items || []).map((item) => ({ ...item, ...style }));
    return {
      ...layout,
      font: { family: getComputedStyle(document.body).fontFamily, size: 13, color: ink },
      xaxis: { ...layout.xaxis, ...axis, nticks: Math.max(3, Math.floor(width / 110)) },
      yaxis: { ...layout.yaxis, ...axis },
      shapes: (layout.shapes || []).map((item) => ({ ...item, line: { ...item.line, color: ink } })),
      annotations: marks(layout.annotations, { font: { color: ink } }),
      hoverlabel: { bgcolor: colour("--paper"), bordercolor: grid, font: { color: colour("--ink") } },
      modebar: { bgcolor: "rgba(0,0,0,0)", color: ink, activecolor: colour("--ink") },
    };
  }

  const figures = [...document.querySelectorAll("script.figure-data")].map((script) => ({
    target: document.getElementById(script.dataset.target),
    ...JSON.parse(script.textContent),
  }));

  const draw = () => figures.forEach(({ target, data, layout }) => Plotly.react(target, data, dressed(layout, target.clientWidth), config));
  draw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
})();
