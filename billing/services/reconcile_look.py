"""Looking at one object closely: what the provider says of it now, beside our row as it is now.

A list only makes somebody suspicious; what is written down comes from here. No transaction is open
while the provider is asked.
"""

import json
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from billing.drivers.base import ObjectMissing
from billing.enums import AttemptState
from billing.selectors import reconciliation
from billing.services import projection, reconcile_compare, reconcile_settlements
from billing.services.reconcile_quiet import Seen
from billing.services.reconcile_session import Session
from billing.types import Subject
from billing.types.differences import DifferenceKind, Found, Look


def look_at(session: Session, subject: Subject) -> Seen | None:
    """Compare one object; None for a kind that is not compared.

    Raises:
        DriverError: the provider could not be asked.
    """
    look = _LOOKS.get(subject.kind)
    return look(session, subject) if look else None


def _subscription(session: Session, subject: Subject) -> Seen:
    fetched_at = projection.database_now()
    driver, provider = session.driver, session.provider
    try:
        snapshot = session.ask(lambda: driver.retrieve_subscription(subject.external_id))
    except ObjectMissing:
        row = reconciliation.subscription(provider, subject.external_id)
        if row is None:
            return Seen(_look(session, subject))
        found = reconcile_compare.missing_subscription(row)
        look = _look(session, subject, row.organization_id, str(row.pk), found)
        return Seen(look, row.updated_at, reconciliation.is_being_paid(row))
    row = reconciliation.subscriptions(provider, [snapshot]).get(snapshot.external_id)
    if row is None:
        customer = snapshot.external_customer_id
        owner = reconciliation.owners(provider, [customer]).get(customer)
        found = reconcile_compare.unknown_subscription(snapshot) if owner else ()
        return Seen(_look(session, subject, owner, "", found))
    prices = reconciliation.prices(provider, [snapshot])
    found = reconcile_compare.subscription(row, snapshot, prices=prices)
    is_moving = reconciliation.is_being_paid(row) or _is_newer(row.snapshot_at, fetched_at)
    look = _look(session, subject, row.organization_id, str(row.pk), found)
    return Seen(look, row.updated_at, is_moving)


def _payer(session: Session, subject: Subject) -> Seen:
    fetched_at = projection.database_now()
    row = reconciliation.customers(session.provider, [subject.external_id]).get(subject.external_id)
    if row is None:
        return Seen(_look(session, subject))
    try:
        snapshot = session.ask(lambda: session.driver.retrieve_payer(subject.external_id))
    except ObjectMissing:
        found = reconcile_compare.missing_payer(row)
    else:
        row.refresh_from_db()
        methods = reconciliation.attached_methods(row)
        found = reconcile_compare.payer(row, snapshot, methods)
    look = _look(session, subject, row.organization_id, str(row.pk), found)
    return Seen(look, row.updated_at, _is_newer(row.snapshot_at, fetched_at))


def _invoice(session: Session, subject: Subject) -> Seen:
    fetched_at = projection.database_now()
    driver, provider = session.driver, session.provider
    try:
        snapshot = session.ask(lambda: driver.retrieve_invoice(subject.external_id))
    except ObjectMissing:
        snapshot = None
    row = reconciliation.invoices(provider, [subject.external_id]).get(subject.external_id)
    if row is not None:
        found = (
            reconcile_compare.invoice(row, snapshot)
            if snapshot
            else reconcile_compare.missing_invoice(row)
        )
        look = _look(session, subject, row.organization_id, str(row.pk), found)
        return Seen(look, row.updated_at, _is_newer(row.snapshot_at, fetched_at))
    customer = snapshot.external_customer_id if snapshot else ""
    owner = reconciliation.owners(provider, [customer]).get(customer)
    if snapshot is None or owner is None:
        return Seen(_look(session, subject))
    found = reconcile_compare.unknown_invoice(snapshot)
    return Seen(_look(session, subject, owner, "", found))


def _charge(session: Session, subject: Subject) -> Seen:
    driver, provider = session.driver, session.provider
    try:
        snapshot = session.ask(lambda: driver.retrieve_charge(subject.external_id))
    except ObjectMissing:
        return Seen(_look(session, subject))
    customer = snapshot.external_customer_id
    owner = reconciliation.owners(provider, [customer]).get(customer)
    if owner is None:
        return Seen(_look(session, subject))
    rows = reconciliation.refunds(provider, [one.external_id for one in snapshot.refunds])
    found = reconcile_compare.refunds(rows, snapshot)
    changed = [row.updated_at for row in rows.values()]
    changed += [one.created_at for one in snapshot.refunds if one.external_id not in rows]
    return Seen(_look(session, subject, owner, "", found), max(changed, default=None))


def _event(session: Session, subject: Subject) -> Seen:
    driver, provider = session.driver, session.provider
    if reconciliation.known_events(provider, [subject.external_id]):
        return Seen(_look(session, subject))
    try:
        stored = session.ask(lambda: driver.retrieve_event(subject.external_id))
    except ObjectMissing:  # older than the provider's memory: the objects themselves tell
        return Seen(_look(session, subject))
    event = driver.normalize_webhook(json.loads(stored.body))
    owner = reconciliation.owners_of_events(provider, [event]).get(event.external_id)
    if owner is None:
        return Seen(_look(session, subject))
    theirs = {
        "type": event.provider_type,
        "occurred_at": reconcile_compare.moment(event.occurred_at),
        "about": event.subject.external_id if event.subject else None,
    }
    found = (Found(DifferenceKind.EVENT_MISSED, {}, theirs),)
    return Seen(_look(session, subject, owner, "", found), event.occurred_at)


def _attempt(session: Session, subject: Subject) -> Seen:
    row = reconciliation.attempt(session.provider, subject.external_id)
    if row is None or row.state not in (AttemptState.SENT, AttemptState.UNKNOWN):
        return Seen(_look(session, subject))
    ours = {
        "state": row.state,
        "sent_at": reconcile_compare.moment(row.sent_at),
        "for": row.obligation.kind,
        "amount_minor": row.obligation.amount_minor,
        "currency": row.obligation.currency,
    }
    found = (Found(DifferenceKind.ATTEMPT_UNDECIDED, ours, {}),)
    return Seen(_look(session, subject, row.organization_id, str(row.pk), found), row.sent_at)


_LOOKS: dict[str, Callable[[Session, Subject], Seen | None]] = {
    "subscription": _subscription,
    "customer": _payer,
    "invoice": _invoice,
    "charge": _charge,
    "event": _event,
    "payment_attempt": _attempt,
    reconcile_settlements.KIND: reconcile_settlements.look_at,
}


def _look(
    session: Session,
    subject: Subject,
    organization_id: UUID | None = None,
    object_id: str = "",
    found: tuple[Found, ...] = (),
) -> Look:
    return Look(
        organization_id=organization_id,
        provider=session.provider,
        object_type=subject.kind,
        external_id=subject.external_id,
        object_id=object_id,
        found=found,
    )


def _is_newer(snapshot_at: datetime | None, fetched_at: datetime) -> bool:
    """Say whether somebody applied something while we asked."""
    return snapshot_at is not None and snapshot_at >= fetched_at
