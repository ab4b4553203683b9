"""How the shoppers of one arm behave: what is planted, as chances and waits."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

GRAMS: Final = 500  # a piece of coffee; its price is the basket spread over the pieces
_PIECE_MINOR: Final = 60_000
_HURRY_DAYS: Final = 7


@dataclass(frozen=True, slots=True)
class Habit:
    """How shoppers of one variant behave.

    Attributes:
        buys: chance of a first order after the exposure.
        again: chance that a buyer orders once more within `again_days`.
        again_days: days within which the next order comes, at most; waits are exponential with half of it.
        hurried: share of those next orders that come within a week instead: moved, none is added.
        fills: share of baskets up to a third under `threshold_minor` that are filled up to it.
        threshold_minor: the sum they are filled up to.
        passes: share of buyers who use somebody else's code for their next order.
        lends: chance that a buyer gives its code to a friend who was never in the test.
        invites: chance that a buyer brings a friend who buys.
        returns: chance that a message brings a shopper back to buy.
        leaves: chance that it makes one unsubscribe.
    """

    buys: float
    again: float = 0.0
    again_days: int = 21
    hurried: float = 0.0
    fills: float = 0.0
    threshold_minor: int = 0
    passes: float = 0.0
    lends: float = 0.0
    invites: float = 0.0
    returns: float = 0.0
    leaves: float = 0.0


@dataclass(frozen=True, slots=True)
class Shelf:
    """What the shop sells and what an order costs it.

    Attributes:
        basket_minor: median basket; baskets are log-normal.
        sigma: of the logarithm.
        shipping_minor: what delivery costs the shopper before offers.
        shipping_cost_minor: what it costs the shop.
        refunded: share of orders refunded in full some days later.
        cancelled: share of orders cancelled within hours.
    """

    basket_minor: int = 180_000
    sigma: float = 0.5
    shipping_minor: int = 0
    shipping_cost_minor: int = 0
    refunded: float = 0.04
    cancelled: float = 0.02


def wait_days(habit: Habit, rng: np.random.Generator) -> float:
    """Days from one order to the next, at least 1 and at most `again_days`."""
    hurries = rng.random() < habit.hurried
    mean = habit.again_days / 2
    share = rng.random() * (1 - math.exp(-habit.again_days / mean))
    usual = max(1.0, -mean * math.log1p(-share))
    return float(1 + rng.random() * (min(usual, _HURRY_DAYS) - 1)) if hurries else usual


def basket(habit: Habit, shelf: Shelf, rng: np.random.Generator) -> tuple[int, int]:
    """Pieces and price of one piece, minor units; the shopper may fill the basket up to a threshold."""
    wanted = shelf.basket_minor * math.exp(shelf.sigma * rng.standard_normal())
    fills = rng.random() < habit.fills
    if fills and habit.threshold_minor * 2 / 3 <= wanted < habit.threshold_minor:
        wanted = habit.threshold_minor
    pieces = max(1, round(wanted / _PIECE_MINOR))
    return pieces, math.ceil(wanted / pieces)
