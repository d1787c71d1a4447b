"""A batch of events, grouped by the object they are about, and what the provider says of it now."""

import contextlib
import dataclasses
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from django.db import connections

from billing import handlers
from billing.drivers import registry
from billing.drivers.base import ObjectMissing, PaymentDriver
from billing.models import InboxEvent
from billing.services import projection, retries
from billing.types import (
    Cause,
    ChargeSnapshot,
    CheckoutSnapshot,
    CreditNoteSnapshot,
    DisputeSnapshot,
    Fact,
    InvoiceSnapshot,
    NormalizedEvent,
    PayerSnapshot,
    Subject,
    SubjectNews,
    SubscriptionSnapshot,
)

_FETCHERS = 8
# What can be deleted at the provider, or was somebody else's from the start: no error, nothing to
# apply. A subscription stays there for good, so one that is missing is asked for again.
_MAY_BE_MISSING = frozenset({"invoice", "customer", "charge", "credit_note", "dispute"})

logger = logging.getLogger(__name__)

Snapshot = (
    SubscriptionSnapshot
    | CheckoutSnapshot
    | InvoiceSnapshot
    | PayerSnapshot
    | ChargeSnapshot
    | CreditNoteSnapshot
    | DisputeSnapshot
)


_ASKS: dict[str, Callable[[PaymentDriver, str], Snapshot]] = {
    "subscription": lambda driver, id_: driver.retrieve_subscription(id_),
    "checkout_session": lambda driver, id_: driver.retrieve_checkout_session(id_),
    "invoice": lambda driver, id_: driver.retrieve_invoice(id_),
    "customer": lambda driver, id_: driver.retrieve_payer(id_),
    "charge": lambda driver, id_: driver.retrieve_charge(id_),
    "credit_note": lambda driver, id_: driver.retrieve_credit_note(id_),
    "dispute": lambda driver, id_: driver.retrieve_dispute(id_),
}


@dataclasses.dataclass(frozen=True, slots=True)
class Claimed:
    """One event that is ours to handle, in our words."""

    row: InboxEvent
    event: NormalizedEvent


@dataclasses.dataclass(slots=True, eq=False)
class Group:
    """The events of one batch that are about the same object.

    `along` are invoices that the events name and that the snapshot does not bring itself;
    `answer` is what another app was told that looks after such objects; `is_missing` says that
    the provider knows no such object (any more).
    """

    provider: str
    subject: Subject | None
    members: list[Claimed] = dataclasses.field(default_factory=list)
    fetched_at: datetime | None = None
    snapshot: Snapshot | None = None
    along: tuple[InvoiceSnapshot, ...] = ()
    answer: Any = None
    is_missing: bool = False
    error: Exception | None = None

    @property
    def cause(self) -> Cause:
        """Name the newest event: the one that a person looks for."""
        newest = max(self.members, key=lambda member: member.event.occurred_at)
        return Cause("webhook", id=newest.event.external_id, detail=newest.event.provider_type)

    @property
    def handler(self) -> handlers.SubjectHandler | None:
        """Return the app that looks after such objects, where it is not billing."""
        return handlers.of_subject(self.subject.kind) if self.subject else None

    @property
    def news(self) -> SubjectNews:
        """Say what that app is told."""
        told = (member.event.our_id for member in self.members if member.event.our_id)
        external_id = self.subject.external_id if self.subject else ""
        return SubjectNews(self.provider, external_id, our_id=next(told, ""))

    @property
    def rows(self) -> list[InboxEvent]:
        """The stored events."""
        return [member.row for member in self.members]

    @property
    def facts(self) -> list[Fact]:
        """What happened once and shows in no snapshot."""
        return [member.event.fact for member in self.members if member.event.fact]

    @property
    def mirrored(self) -> list[Subject]:
        """What the mirror should copy."""
        return [subject for member in self.members for subject in member.event.mirror]


def group_events(batch: Iterable[InboxEvent]) -> list[Group]:
    """Group events by object; one that cannot be read is sent back by itself."""
    groups: dict[tuple[str, str, str], Group] = {}
    for row in batch:
        try:
            event = registry.get_driver(row.provider).normalize_webhook(row.payload)
        except Exception as error:  # a payload we can't read is a bug or a new shape: keep it
            logger.exception("inbox.unreadable", extra={"event": row.pk})
            retries.fail(rows=[row], error=error)
            continue
        group = groups.setdefault(_key(row, event), Group(row.provider, event.subject))
        group.members.append(Claimed(row, event))
    return list(groups.values())


def _key(row: InboxEvent, event: NormalizedEvent) -> tuple[str, str, str]:
    """Return what the events of one group have in common.

    Facts without a subject stand alone: one unknown payer must not hold up another. Of what is
    neither about anything nor tells anything, nothing follows: those are marked together.
    """
    if event.subject:
        return (row.provider, event.subject.kind, event.subject.external_id)
    return (row.provider, "", str(row.pk) if event.fact else "")


def fetch_all(groups: Sequence[Group]) -> None:
    """Fetch every object once, several at a time, with no transaction open."""
    wanted = [group for group in groups if group.subject is not None]
    # One time for all, taken before the first fetch and after the claim: a snapshot that another
    # process fetched meanwhile, and that makes ours count as old, knows of our events too.
    fetched_at = projection.database_now() if wanted else None
    for group in wanted:
        group.fetched_at = fetched_at
    if len(wanted) == 1:
        _fetch(wanted[0])
    elif wanted:
        with ThreadPoolExecutor(min(_FETCHERS, len(wanted))) as pool:
            list(pool.map(_fetch_apart, wanted))


def _fetch_apart(group: Group) -> None:
    """Ask from a thread of its own; a provider of ours reads tables, by a connection that ends."""
    try:
        _fetch(group)
    finally:
        connections.close_all()


def _fetch(group: Group) -> None:
    """Ask the provider; an error is kept for the group it belongs to."""
    if group.subject is None:
        return
    try:
        if group.handler is not None:
            group.answer = group.handler.ask(group.news)
        elif group.subject.kind in _ASKS:
            driver = registry.get_driver(group.provider)
            group.snapshot = _ask(driver, group.subject)
            group.along = tuple(_along(driver, group))
    except ObjectMissing as error:
        group.is_missing = True
        if group.subject.kind not in _MAY_BE_MISSING:
            group.error = error
    except Exception as error:  # noqa: BLE001 - raised again where the group is handled
        group.error = error


def _ask(driver: PaymentDriver, subject: Subject) -> Snapshot:
    return _ASKS[subject.kind](driver, subject.external_id)


def _along(driver: PaymentDriver, group: Group) -> Iterator[InvoiceSnapshot]:
    """Fetch the invoices that were named and are not there yet, or not with all their lines."""
    there = group.snapshot
    latest = there.latest_invoice if isinstance(there, SubscriptionSnapshot) else None
    named = {external_id for member in group.members for external_id in member.event.invoices}
    if latest is not None:
        named.discard(latest.external_id)
        if not latest.has_all_lines:
            named.add(latest.external_id)
    for external_id in sorted(named):
        with contextlib.suppress(ObjectMissing):  # a draft that is gone again
            yield driver.retrieve_invoice(external_id)
