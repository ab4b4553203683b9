"""What a page must know of an experiment that its result does not say."""

from dataclasses import dataclass

ENDED_STATUSES = frozenset({"stopped", "decided", "archived"})  # nobody is told to go on collecting


@dataclass(frozen=True, slots=True)
class OfferSummary:
    """An offer's terms, for one line of words.

    Attributes:
        kind: `percent_off`, `amount_off`, `free_delivery`, … (an unknown kind shows its key).
        percent: 0–100, where the kind has one.
        amount_minor: amount off or reward, minor units, where the kind has one.
        min_order_minor: threshold of the basket, minor units, or None.
        max_discount_minor: largest discount, minor units, or None.
        currency: ISO code of the amounts, or None.
        code_issue: `none`, `shared` or `per_visitor`.
        uses_per_customer: 1 = single use, k = k uses, None = reusable (only with a code).
        valid_days: days a code lives, or None.
        within_days: days within which the next order must come, or None.
        delay_hours: hours until a reminder is sent, or None.
        pack_size: smallest pack size of the order, in the shop's unit, or None.
        referrer_minor: reward of who invites, for the first friend; `invited_minor` of the friend; or None.
        most_minor: what a growing reward grows to, or None.
        note: free words, shown last (the text of a custom offer); a gift's name stands beside the word.
    """

    kind: str
    percent: float | None = None
    amount_minor: int | None = None
    min_order_minor: int | None = None
    max_discount_minor: int | None = None
    currency: str | None = None
    code_issue: str = "none"
    uses_per_customer: int | None = None
    valid_days: int | None = None
    within_days: int | None = None
    delay_hours: float | None = None
    pack_size: int | None = None
    referrer_minor: int | None = None
    invited_minor: int | None = None
    most_minor: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class VariantMeta:
    """One variant: its key, its name for people, its planned share 0–1, its offer (None: no offer)."""

    key: str
    name: str
    weight: float
    control: bool = False
    offer: OfferSummary | None = None


@dataclass(frozen=True, slots=True)
class ExperimentMeta:
    """The frame of an experiment's page.

    Attributes:
        key: its key, as in the API.
        name: its name for people.
        hypothesis: why it was started, free text.
        status: `draft`, `running`, `paused`, `frozen`, `stopped`, `decided` or `archived`.
        variants: in the order of the definition.
        notices: codes shown above the numbers (`aa_test`, `simulated`, `restored`, …).
        started: ISO date or time of the start, or None.
        days: shop days since the start.
        unit: whom it randomises, `visitor` or `customer`.
    """

    key: str
    name: str
    hypothesis: str
    status: str
    variants: tuple[VariantMeta, ...]
    notices: tuple[str, ...] = ()
    started: str | None = None
    days: int = 0
    unit: str = "visitor"

    @property
    def names(self) -> dict[str, str]:
        """Names of the variants by key; an empty name falls back to the key."""
        return {variant.key: variant.name or variant.key for variant in self.variants}

    @property
    def ended(self) -> bool:
        """Whether the test is over: nobody is told to go on collecting."""
        return self.status in ENDED_STATUSES

    @property
    def control(self) -> str | None:
        """Key of the control variant."""
        return next((variant.key for variant in self.variants if variant.control), None)


@dataclass(frozen=True, slots=True)
class ListRow:
    """One line of the list of experiments.

    Attributes:
        key: the experiment's key.
        name: its name.
        status: as in `ExperimentMeta`.
        days: shop days since the start.
        state: verdict state, or None before the first result.
        text: the verdict sentence in the page's language, or empty.
        units: units exposed so far.
        notices: codes such as `simulated`, shown as labels.
        unit: as in `ExperimentMeta`.
    """

    key: str
    name: str
    status: str
    days: int
    state: str | None = None
    text: str = ""
    units: int = 0
    notices: tuple[str, ...] = ()
    unit: str = "visitor"


@dataclass(frozen=True, slots=True)
class Site:
    """Where things are.

    Attributes:
        home: path of the list.
        experiments: prefix of an experiment's page.
        static: prefix of the files in `dashboards/static`.
        login: where the login form posts.
        logout: where the logout form posts; no form without a CSRF token.
        alone: the page is a file of its own: it links to no other page.
    """

    home: str = "/"
    experiments: str = "/experiments/"
    static: str = "/static/"
    login: str = "/login"
    logout: str = "/logout"
    alone: bool = False
