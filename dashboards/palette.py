"""Colours that stay apart for colour-blind eyes and on light and dark paper alike.

Hues after Okabe and Ito (2008), darkened or lightened to mid tones so that one set has at least 3:1 contrast
on both papers. A colour never carries a meaning alone: lines also differ in dash and marker.
"""

LIGHT_PAPER = "#ffffff"
DARK_PAPER = "#181c22"

CONTROL = "#77808c"  # slate: the reference is quiet
TREATMENTS = ("#2f7fc1", "#cf5f14", "#12936c", "#b3619b")  # blue, vermilion, green, purple
DASHES = ("solid", "dash", "dashdot", "dot")
MARKERS = ("circle", "square", "triangle-up", "cross")


def variant_colours(variants: tuple[str, ...], control: str | None) -> dict[str, str]:
    """Colour of each variant: control is slate, treatments take the hues in their order.

    >>> variant_colours(("a", "b", "c"), "b") == {"a": TREATMENTS[0], "b": CONTROL, "c": TREATMENTS[1]}
    True
    """
    treatments = [variant for variant in variants if variant != control]
    colours = {variant: TREATMENTS[place % len(TREATMENTS)] for place, variant in enumerate(treatments)}
    return {variant: colours.get(variant, CONTROL) for variant in variants}


def translucent(colour: str, opacity: float) -> str:
    """An `#rrggbb` colour as `rgba(…)` with opacity 0–1, for bands.

    >>> translucent("#ff0080", 0.5)
    'rgba(255, 0, 128, 0.5)'
    """
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {opacity})"


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two `#rrggbb` colours, 1–21 (WCAG 2.2, relative luminance).

    >>> contrast("#000000", "#ffffff")
    21.0
    """
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


_LINEAR_BELOW = 0.04045  # of an sRGB channel


def _luminance(colour: str) -> float:
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [c / 12.92 if c <= _LINEAR_BELOW else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
