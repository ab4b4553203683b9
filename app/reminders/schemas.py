"""What the door of reminders answers."""

from typing import Any, Literal

from pydantic import BaseModel, Field


class ReminderShown(BaseModel):
    """One message to send."""

    experiment: str = Field(description="key")
    version: int
    variant: str = Field(description="of the unit")
    unit_id: str = Field(description="what the experiment randomises: a visitor or a customer")
    visitor_id: str | None = Field(description="as the exposure named it, else the unit's visitor")
    customer_id: str | None = Field(
        description="as the exposure named it, else whose visitor it is known to be"
    )
    channel: str = Field(description="email, sms, push or messenger")
    exposed_at: str = Field(description="when the basket was left")
    due_at: str = Field(description="exposed_at + the delay of the variant")
    too_late_at: str = Field(description="24 hours later; from then on it is not listed any more")
    event_id: str = Field(description="send `message_sent` with this id before the message")
    offer: dict[str, Any] = Field(description="the public terms of the variant")


class ReminderPage(BaseModel):
    """One page of messages, in the order in which they fall due."""

    at: str = Field(description="the moment this is about")
    reason: Literal["PAUSED", "ENDED"] | None = Field(
        description="why the experiment named reminds nobody now; null: it does, or none was named"
    )
    items: list[ReminderShown]
    next: str | None = Field(description="the cursor of the next page; null: this is the last")
