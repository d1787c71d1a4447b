"""What a provider's webhook says, in our words."""

import dataclasses
from collections.abc import Mapping
from datetime import datetime

from billing.enums import FactKind, Provider


@dataclasses.dataclass(frozen=True, slots=True)
class Subject:
    """The provider's object an event is about: what has to be fetched again.

    `kind` is subscription, invoice, customer, checkout_session, charge, credit_note, dispute, sale
    (a payment in person, left to whoever registered for it), or one that only the mirror copies.
    """

    kind: str
    external_id: str


@dataclasses.dataclass(frozen=True, slots=True)
class Fact:
    """Something that happened once, which a later snapshot would no longer show."""

    kind: FactKind
    external_id: str
    occurred_at: datetime
    amount_minor: int | None = None
    currency: str = ""
    detail: Mapping[str, str | int] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True)
class NormalizedEvent:
    """A provider's event in our words (the specification's concise payload).

    `type` is `billing.<object>.<verb>`; `subject` is what to converge, None when nothing of ours
    follows from it; `invoices` are the ids of invoices it is about besides;
    `external_customer_id` places a fact that has no subject; `our_id` is our own name of the
    subject where the event tells it; `mirror` is what dj-stripe's tables should copy.
    """

    provider: Provider
    external_id: str
    type: str
    provider_type: str
    occurred_at: datetime
    subject: Subject | None
    invoices: tuple[str, ...] = ()
    external_customer_id: str = ""
    our_id: str = ""
    fact: Fact | None = None
    mirror: tuple[Subject, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class SubjectNews:
    """Something happened to an object that another app keeps.

    `our_id` is our own name of it, empty where no event told it.
    """

    provider: str
    external_id: str
    our_id: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class VerifiedWebhook:
    """A webhook whose signature was right: what the inbox stores. `body` is the raw JSON text."""

    external_id: str
    type: str
    body: str
