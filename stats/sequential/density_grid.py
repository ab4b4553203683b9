"""A density below a boundary, on panels of Gauss–Legendre nodes, and its convolution with a normal step.

The panels hang from the boundary downwards, so that its jump falls on the edge of a panel, and they are
narrower than a few times the smaller of the two steps beside them. That keeps tiny steps of information
exact, where a grid of fixed size fails. Widths are powers of two: any two grids then repeat with a common
period, the kernel is the same in every period, and the whole convolution is one small matrix times
windows of the density.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

_Array = NDArray[np.float64]

FLOOR = 8.0  # the density is cut at z = −8: what lies below (6e-16) has no say in later crossings
REACH = 9.0  # sds of a step that are integrated
_NODES_PER_PANEL = 8
_PANEL_SDS = 2.5  # eight nodes integrate a normal density over 2.5 sd to 1e-9

_legendre_nodes, _legendre_weights = np.polynomial.legendre.leggauss(_NODES_PER_PANEL)
_NODES: _Array = (1.0 + _legendre_nodes) / 2.0  # in (0, 1), counted downwards from the top of a panel
_WEIGHTS: _Array = _legendre_weights / 2.0


@dataclass(frozen=True, slots=True)
class SubDensity:
    """Probability of the paths that have not crossed, by the score they have reached.

    Attributes:
        top: the boundary, in the scale of scores.
        width: width of a panel, a power of two.
        mass: density × quadrature weight at every node, from the top down.
    """

    top: float
    width: float
    mass: _Array

    def points(self) -> _Array:
        """Scores of the nodes, falling."""
        return self.top - self.width * _positions(self.mass.size // _NODES_PER_PANEL)

    def above(self, score: float) -> tuple[_Array, _Array]:
        """Nodes and masses of the panels that reach above a score (at least one panel)."""
        panels = max(1, math.ceil((self.top - score) / self.width))
        panels = min(panels, self.mass.size // _NODES_PER_PANEL)
        return self.top - self.width * _positions(panels), self.mass[: panels * _NODES_PER_PANEL]


def panel_width(smaller_sd: float) -> float:
    """The largest power of two that resolves a step of this standard deviation."""
    return math.ldexp(1.0, math.floor(math.log2(_PANEL_SDS * smaller_sd)))


def normal_density(sd: float, top: float, bottom: float, width: float) -> SubDensity:
    """N(0, sd²) below `top`."""
    panels = _panel_count(top, bottom, width)
    scores = (top - width * _positions(panels)) / sd
    return SubDensity(top, width, _normal(scores) / sd * width * _tiled_weights(panels))


def convolved(source: SubDensity, sd: float, top: float, bottom: float, width: float) -> SubDensity:
    """`source` after a step N(0, sd²), below `top`, on panels of the given width."""
    panels = _panel_count(top, bottom, width)
    period = max(source.width, width)
    shift = (top - source.top) / period
    reach = REACH * sd / period
    first = math.floor(-shift - reach)
    count = math.floor(1.0 - shift + reach) - first + 1
    periods = math.ceil(panels * width / period)
    windows = _windows(source, round(period / source.width) * _NODES_PER_PANEL, first, count, periods)
    inputs = first + _positions(count * round(period / source.width)) * (source.width / period)
    outputs = _positions(round(period / width)) * (width / period) - shift
    kernel = _normal((inputs[:, None] - outputs[None, :]) * (period / sd)) / sd
    density = (windows @ kernel).ravel()[: panels * _NODES_PER_PANEL]
    return SubDensity(top, width, density * width * _tiled_weights(panels))


def _windows(source: SubDensity, stride: int, first: int, count: int, periods: int) -> _Array:
    """Row p holds the masses of the periods first + p … first + p + count − 1, zero outside the source."""
    flat = np.zeros((periods + count - 1) * stride)
    start = first * stride
    low, high = max(0, start), min(source.mass.size, start + flat.size)
    if low < high:
        flat[low - start : high - start] = source.mass[low:high]
    return np.ascontiguousarray(sliding_window_view(flat, count * stride)[::stride])


def _panel_count(top: float, bottom: float, width: float) -> int:
    return max(1, math.ceil((top - bottom) / width))


def _positions(panels: int) -> _Array:
    """Nodes of so many panels, in widths below the top."""
    positions: _Array = (np.arange(panels)[:, None] + _NODES[None, :]).ravel()
    return positions


def _tiled_weights(panels: int) -> _Array:
    return np.tile(_WEIGHTS, panels)


def _normal(z: _Array) -> _Array:
    density: _Array = np.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
    return density
