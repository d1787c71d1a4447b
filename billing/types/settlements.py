"""What a gateway took, and what became of it when the day was settled."""

import dataclasses
from datetime import datetime
from typing import Literal
from uuid import UUID


@dataclasses.dataclass(frozen=True, slots=True)
class SettlementAccount:
    """A merchant account whose days are settled; no organization means the platform's."""

    account_id: UUID
    organization_id: UUID | None


@dataclasses.dataclass(frozen=True, slots=True)
class Capture:
    """A transaction as we have it: charged, or given back.

    `amount_minor` is never negative, and 0 for what was taken back before its day was settled.
    """

    organization_id: UUID
    account_id: UUID
    external_id: str
    reference: str
    kind: str
    amount_minor: int
    currency: str
    captured_at: datetime
    changed_at: datetime


@dataclasses.dataclass(frozen=True, slots=True)
class Settlement:
    """A transaction as the gateway settles it.

    `state`: accepted and rejected are final; pending may still become either; voided and declined
    move no money. `word` is the gateway's own. `amount_minor` is never negative, None where it
    can't be read.
    """

    external_id: str
    reference: str
    state: Literal["accepted", "rejected", "pending", "voided", "declined"]
    word: str
    amount_minor: int | None
    batch: str = ""
