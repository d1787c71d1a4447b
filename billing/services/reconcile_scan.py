"""Finding suspects: page by page through a provider, and through our rows for what is not there.

Each suspect is looked at closely before anything is written down (see `reconcile_look`).
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from billing.drivers.base import DriverRejected
from billing.selectors import reconciliation
from billing.services import reconcile_compare, reconcile_settlements
from billing.services.reconcile_session import Session
from billing.types import (
    ChargeSnapshot,
    InvoiceSnapshot,
    NormalizedEvent,
    Page,
    PayerSnapshot,
    Subject,
    SubscriptionSnapshot,
)
from billing.types.differences import Scope

UNDECIDED_AFTER = timedelta(hours=1)
# Stripe forgets events after thirty days. Source: https://docs.stripe.com/api/events
EVENTS_KEPT = timedelta(days=30)
_STANDING = 2000
_ATTEMPTS = 500

RowT = TypeVar("RowT")


def recent(session: Session) -> Iterator[Subject]:
    """Yield what differed before, what is undecided, and what happened since the last time.

    Of what happened, first what we were not told: the number of questions is limited.
    """
    yield from _known(session)
    touched: dict[Subject, None] = {}
    for page in _pages(session, "events", _events_since(session, session.run.covers_since)):
        ours = list(_ours(session, page))
        about = {event.external_id: event.subject for event in ours if event.subject}
        for missed in _missed(session, page):
            yield missed
            if missed.external_id in about:
                yield about[missed.external_id]
        touched.update(dict.fromkeys(about.values()))
        touched.update({Subject("invoice", one): None for event in ours for one in event.invoices})
    yield from touched
    yield from reconcile_settlements.suspects(session, Scope.RECENT)


def everything(session: Session) -> Iterator[Subject]:
    """Yield every object that a list shows to be another than ours, or that is missing there."""
    yield from _known(session)
    for payers in _payer_pages(session):
        yield from payers
    yield from _subscriptions(session)
    yield from _invoices(session)
    for refunds in _pages(session, "refunds", _refunds_since(session)):
        yield from _refunds(session, refunds)
    since = session.now - EVENTS_KEPT
    undelivered = _events_since(session, since, only_undelivered=True)
    for events in _pages(session, "undelivered events", undelivered):
        yield from _missed(session, events)
    yield from reconcile_settlements.suspects(session, Scope.FULL)


def _known(session: Session) -> Iterator[Subject]:
    yield from reconciliation.standing_subjects(
        session.provider, organization=session.organization, limit=_STANDING
    )
    yield from reconciliation.undecided_attempts(
        session.provider,
        before=session.now - UNDECIDED_AFTER,
        organization=session.organization,
        limit=_ATTEMPTS,
    )


# --- Subscriptions, payers, invoices ----------------------------------------------------------


def _subscriptions(session: Session) -> Iterator[Subject]:
    seen: set[str] = set()
    for customer in _customers(session):
        pages = _pages(session, "subscriptions", _subscriptions_of(session, customer))
        for page in pages:
            seen.update(one.external_id for one in page)
            yield from _differing_subscriptions(session, page)
    for external_id in reconciliation.going_on(session.provider, session.organization):
        if external_id not in seen:
            yield Subject("subscription", external_id)


def _differing_subscriptions(
    session: Session, page: Sequence[SubscriptionSnapshot]
) -> Iterator[Subject]:
    rows = reconciliation.subscriptions(session.provider, page)
    prices = reconciliation.prices(session.provider, page)
    owners = reconciliation.owners(session.provider, [one.external_customer_id for one in page])
    for one in page:
        session.run.compared += 1
        row = rows.get(one.external_id)
        if row is not None:
            differs = bool(reconcile_compare.subscription(row, one, prices=prices))
        else:
            is_ours = one.external_customer_id in owners
            differs = is_ours and bool(reconcile_compare.unknown_subscription(one))
        if differs:
            yield Subject("subscription", one.external_id)


def _payer_pages(session: Session) -> Iterator[Iterator[Subject]]:
    """Yield suspects page by page; the payers of one organization are looked at one by one."""
    ours = reconciliation.payers_of(session.provider, session.organization)
    if session.organization is not None:
        yield (Subject("customer", external_id) for external_id in ours)
        return
    seen: set[str] = set()
    pages = _pages(session, "customers", lambda after: session.driver.list_payers(after=after))
    for page in pages:
        seen.update(one.external_id for one in page)
        yield _differing_payers(session, page)
    yield (Subject("customer", external_id) for external_id in ours if external_id not in seen)


def _differing_payers(session: Session, page: Sequence[PayerSnapshot]) -> Iterator[Subject]:
    rows = reconciliation.customers(session.provider, [one.external_id for one in page])
    for one in page:
        row = rows.get(one.external_id)
        session.run.compared += row is not None
        if row is not None and reconcile_compare.payer(row, one, ()):
            yield Subject("customer", one.external_id)


def _invoices(session: Session) -> Iterator[Subject]:
    seen: set[str] = set()
    for customer in _customers(session):
        for page in _pages(session, "invoices", _invoices_of(session, customer)):
            seen.update(one.external_id for one in page)
            yield from _differing_invoices(session, page)
    ours = reconciliation.finalized_since(
        session.provider, session.history_since, session.organization
    )
    for external_id in ours:
        if external_id not in seen:
            yield Subject("invoice", external_id)


def _differing_invoices(session: Session, page: Sequence[InvoiceSnapshot]) -> Iterator[Subject]:
    rows = reconciliation.invoices(session.provider, [one.external_id for one in page])
    owners = reconciliation.owners(session.provider, [one.external_customer_id for one in page])
    for one in page:
        session.run.compared += 1
        row = rows.get(one.external_id)
        if row is not None:
            differs = bool(reconcile_compare.invoice(row, one))
        else:
            is_ours = one.external_customer_id in owners
            differs = is_ours and bool(reconcile_compare.unknown_invoice(one))
        if differs:
            yield Subject("invoice", one.external_id)


# --- Refunds and events -----------------------------------------------------------------------


def _refunds(session: Session, page: Sequence[ChargeSnapshot]) -> Iterator[Subject]:
    provider = session.provider
    rows = reconciliation.refunds(
        provider, [refund.external_id for one in page for refund in one.refunds]
    )
    owners = reconciliation.owners(provider, [one.external_customer_id for one in page])
    for one in page:
        owner = owners.get(one.external_customer_id)
        session.run.compared += owner is not None
        if owner is not None and reconcile_compare.refunds(rows, one):
            yield Subject("charge", one.external_id)


def _missed(session: Session, page: Sequence[NormalizedEvent]) -> Iterator[Subject]:
    """Yield what should have been told us and was not; what nothing follows from may be missed."""
    if not session.driver.capabilities.signed_webhooks:
        return  # nobody tells us: what changed is asked for
    due = [
        event
        for event in page
        if (event.subject or event.fact) and event.occurred_at <= session.quiet_since
    ]
    session.run.compared += len(due)
    known = reconciliation.received_events(session.provider, [event.external_id for event in due])
    for event in _ours(session, [event for event in due if event.external_id not in known]):
        yield Subject("event", event.external_id)


def _ours(session: Session, events: Sequence[NormalizedEvent]) -> Iterator[NormalizedEvent]:
    """Keep what is about us, or about the organization that is compared."""
    owners = reconciliation.owners_of_events(session.provider, events)
    wanted = session.organization.pk if session.organization else None
    for event in events:
        owner = owners.get(event.external_id)
        if owner is not None and wanted in (None, owner):
            yield event


# --- Pages ------------------------------------------------------------------------------------


def _customers(session: Session) -> Iterator[str]:
    """Yield whose lists are asked for: everybody's at once, or each payer's of an organization."""
    if session.organization is None:
        yield ""
        return
    yield from list(reconciliation.payers_of(session.provider, session.organization))


def _pages(
    session: Session, what: str, ask: Callable[[str], Page[RowT]]
) -> Iterator[tuple[RowT, ...]]:
    after, count = "", 0
    while True:
        try:
            page = session.ask(functools.partial(ask, after))
        except DriverRejected:  # the list of a payer that is gone: its own look says so
            return
        count += len(page.rows)
        if page.rows:
            session.tell(f"{session.provider}: {count} {what}")
        yield page.rows
        after = page.next_after
        if not after:
            return


def _subscriptions_of(
    session: Session, customer: str
) -> Callable[[str], Page[SubscriptionSnapshot]]:
    return lambda after: session.driver.list_subscriptions(
        after=after, external_customer_id=customer
    )


def _invoices_of(session: Session, customer: str) -> Callable[[str], Page[InvoiceSnapshot]]:
    return lambda after: session.driver.list_invoices(
        created_since=session.history_since, after=after, external_customer_id=customer
    )


def _refunds_since(session: Session) -> Callable[[str], Page[ChargeSnapshot]]:
    return lambda after: session.driver.list_refunds(
        created_since=session.history_since, after=after
    )


def _events_since(
    session: Session, since: datetime, *, only_undelivered: bool = False
) -> Callable[[str], Page[NormalizedEvent]]:
    return lambda after: session.driver.list_events(
        created_since=since, after=after, only_undelivered=only_undelivered
    )
