"""What the doors of code lists and pools take and give."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from app.codes.pools import MOST_CODES
from app.strict import Key, Moment, Strict

State = Literal["unclaimed", "open", "used", "spent", "expired"]


class PoolBody(Strict):
    """A pool that is wanted."""

    variant: Key = Field(description="whose terms the codes carry")
    count: Annotated[int, Field(ge=1, le=MOST_CODES)] = Field(
        description="how many codes the pool is to have"
    )
    batch: Key = Field(description="name of the pool; the same name again goes on with it")
    valid_until: Moment | None = Field(None, description="RFC 3339; null: as long as the offer")


class PoolShown(BaseModel):
    """A pool as it is now."""

    batch: str
    variant: str
    codes: int = Field(description="how many it has")
    added: int = Field(description="how many of them this call has made")
    valid_until: str | None


class CodeShown(BaseModel):
    """One code without its text."""

    id: int
    variant: str
    kind: Literal["personal", "shared", "own", "pool"]
    batch: str | None
    state: State
    uses: int = Field(description="how often it is used or reserved")
    uses_left: int | None = Field(description="null: no limit")
    valid_until: str | None = Field(description="null: as long as the offer")
    created_at: str


class CountsShown(BaseModel):
    """Codes of one variant in numbers."""

    variant: str
    issued: int = Field(description="codes there are")
    claimed: int = Field(description="units that have one")
    redeemed: int = Field(description="uses by orders; those given back are left out")
    left: int = Field(description="imported codes that a claim may still draw")


class CodePage(BaseModel):
    """Codes in the order they were stored; the first page counts them by variant."""

    items: list[CodeShown]
    next: str | None
    variants: list[CountsShown] | None
