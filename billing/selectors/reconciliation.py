"""Reads for the comparison with a provider: rows by the provider's ids, and what stands."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from billing.enums import FINAL_STATUSES, AttemptState, InboxState, ObligationKind
from billing.models import (
    Customer,
    Difference,
    ExternalPrice,
    InboxEvent,
    Invoice,
    MerchantAccount,
    PaymentAttempt,
    PaymentMethod,
    Reconciliation,
    Refund,
    Subscription,
)
from billing.types import NormalizedEvent, Subject, SubscriptionSnapshot
from billing.types.differences import DifferenceKind, DifferenceState, RunState
from orgs.models import Organization
from orgs.selectors import parse_uuid

_WAITING = (InboxState.PENDING, InboxState.PROCESSING, InboxState.FAILED)
_UNDER_WAY = (AttemptState.CREATED, AttemptState.SENT, AttemptState.UNKNOWN)
_BATCH = 1000


def owners(provider: str, external_ids: Iterable[str]) -> dict[str, UUID]:
    """Return whose these payers are: the provider's id → the organization's."""
    rows = Customer.objects.filter(provider=provider, external_id__in=set(external_ids) - {""})
    return dict(rows.values_list("external_id", "organization_id"))


def owners_of_events(provider: str, events: Sequence[NormalizedEvent]) -> dict[str, UUID]:
    """Return whom events concern: the event's id → the organization's; nobody's are left out.

    Most name a payer; of the others the payer, the subscription or the payment in person that they
    are about is known.
    """
    about = {event.external_id: event.subject.external_id for event in events if event.subject}
    named = {
        event.external_id: event.external_customer_id or about.get(event.external_id, "")
        for event in events
    }
    by_payer = owners(provider, named.values())
    rows = Subscription.objects.filter(provider=provider, external_id__in=set(about.values()))
    by_subscription = dict(rows.values_list("external_id", "organization_id"))
    by_sale = _by_sale(provider, events)
    found = {
        event_id: by_payer.get(payer)
        or by_subscription.get(about.get(event_id, ""))
        or by_sale.get(event_id)
        for event_id, payer in named.items()
    }
    return {event_id: owner for event_id, owner in found.items() if owner}


def _by_sale(provider: str, events: Sequence[NormalizedEvent]) -> dict[str, UUID]:
    """Return whose payments in person events are about, or tell a fact of."""
    named = {event.external_id: _sale(event) for event in events if not event.external_customer_id}
    sales = set(named.values()) - {""}
    if not sales:
        return {}
    tries = PaymentAttempt.objects.filter(
        provider=provider, obligation__kind=ObligationKind.TERMINAL, external_id__in=sales
    )
    owners_ = dict(tries.values_list("external_id", "organization_id"))
    return {event_id: owners_[sale] for event_id, sale in named.items() if sale in owners_}


def _sale(event: NormalizedEvent) -> str:
    if event.subject and event.subject.kind == "sale":
        return event.subject.external_id
    return str(event.fact.detail.get("payment_intent", "")) if event.fact else ""


def customers(provider: str, external_ids: Iterable[str]) -> dict[str, Customer]:
    """Return payers by the provider's ids."""
    rows = Customer.objects.filter(provider=provider, external_id__in=set(external_ids) - {""})
    return {row.external_id: row for row in rows}


def subscriptions(
    provider: str, snapshots: Sequence[SubscriptionSnapshot]
) -> dict[str, Subscription]:
    """Return our rows for these snapshots, by the provider's ids.

    One whose id the provider does not share with us is found by ours in its metadata, and only
    with the same payer: metadata can be edited by whoever can log in there.
    """
    rows = Subscription.objects.filter(provider=provider).select_related(
        "plan_version__plan", "customer"
    )
    found = {
        row.external_id: row
        for row in rows.filter(external_id__in=[one.external_id for one in snapshots])
    }
    wanted = {
        our_id: one
        for one in snapshots
        if one.external_id not in found and (our_id := parse_uuid(one.our_id)) is not None
    }
    for row in rows.filter(pk__in=wanted):
        if row.customer.external_id == wanted[row.pk].external_customer_id:
            found[wanted[row.pk].external_id] = row
    return found


def subscription(provider: str, external_id: str) -> Subscription | None:
    """Return the row with a provider's id."""
    rows = Subscription.objects.filter(provider=provider, external_id=external_id)
    return rows.select_related("plan_version__plan", "customer").first()


def prices(provider: str, snapshots: Iterable[SubscriptionSnapshot]) -> dict[str, UUID]:
    """Return our prices by the provider's ids, for what these are sold at and will be."""
    wanted = set()
    for one in snapshots:
        wanted |= {one.external_price_id}
        wanted |= {one.scheduled.external_price_id} if one.scheduled else set()
    rows = ExternalPrice.objects.filter(provider=provider, external_id__in=wanted - {""})
    return dict(rows.values_list("external_id", "price_id"))


def invoices(provider: str, external_ids: Iterable[str]) -> dict[str, Invoice]:
    """Return invoices by the provider's ids."""
    rows = Invoice.objects.filter(provider=provider, external_id__in=set(external_ids))
    return {row.external_id: row for row in rows}


def refunds(provider: str, external_ids: Iterable[str]) -> dict[str, Refund]:
    """Return refunds by the provider's ids."""
    rows = Refund.objects.filter(provider=provider, external_id__in=set(external_ids))
    return {row.external_id: row for row in rows}


def attached_methods(customer: Customer) -> QuerySet[PaymentMethod]:
    """Return what a payer can be charged with."""
    return PaymentMethod.objects.filter(customer=customer).attached()


def received_events(provider: str, external_ids: Iterable[str]) -> set[str]:
    """Return which of these events came in by an endpoint of today, or by our own doing.

    Naming the endpoints keeps it within the index that makes events unique, however many there are.
    """
    accounts = list(MerchantAccount.objects.filter(provider=provider).values_list("pk", flat=True))
    rows = InboxEvent.objects.filter(
        Q(account=None) | Q(account__in=accounts),
        provider=provider,
        external_id__in=set(external_ids),
    )
    return set(rows.values_list("external_id", flat=True))


def known_events(provider: str, external_ids: Iterable[str]) -> set[str]:
    """Return which of these events were received, by whatever endpoint."""
    rows = InboxEvent.objects.filter(provider=provider, external_id__in=set(external_ids))
    return set(rows.values_list("external_id", flat=True))


def waiting_events(provider: str, limit: int) -> list[InboxEvent]:
    """Return the newest events that are stored and not handled yet."""
    rows = InboxEvent.objects.filter(provider=provider, state__in=_WAITING)
    return list(rows.order_by("-pk")[:limit])


def is_being_paid(subscription: Subscription) -> bool:
    """Say whether a call about a subscription is under way, or its outcome unknown."""
    return PaymentAttempt.objects.filter(
        organization_id=subscription.organization_id,
        obligation__subscription=subscription,
        state__in=_UNDER_WAY,
    ).exists()


def undecided_attempts(
    provider: str, *, before: datetime, organization: Organization | None, limit: int
) -> list[Subject]:
    """Return the attempts that were sent long ago and never decided, oldest first."""
    rows = PaymentAttempt.objects.filter(
        provider=provider,
        state__in=[AttemptState.SENT, AttemptState.UNKNOWN],
        sent_at__lt=before,
    )
    if organization is not None:
        rows = rows.for_org(organization)
    references = rows.order_by("sent_at").values_list("our_reference", flat=True)[:limit]
    return [Subject("payment_attempt", reference) for reference in references]


def attempt(provider: str, our_reference: str) -> PaymentAttempt | None:
    """Return the attempt with a reference of ours."""
    rows = PaymentAttempt.objects.filter(provider=provider, our_reference=our_reference)
    return rows.select_related("obligation").first()


def standing_subjects(
    provider: str, *, organization: Organization | None, limit: int
) -> list[Subject]:
    """Return what differed when it was last looked at, longest unseen first."""
    rows = Difference.objects.standing().filter(provider=provider)
    if organization is not None:
        rows = rows.for_org(organization)
    pairs = rows.order_by("last_seen_at").values_list("object_type", "external_id")[:limit]
    return list(dict.fromkeys(Subject(kind, external_id) for kind, external_id in pairs))


def going_on(provider: str, organization: Organization | None) -> Iterator[str]:
    """Yield the provider's ids of all subscriptions of ours that have not ended."""
    rows = Subscription.objects.filter(provider=provider).exclude(
        Q(external_id="") | Q(status__in=FINAL_STATUSES)
    )
    if organization is not None:
        rows = rows.for_org(organization)
    return rows.values_list("external_id", flat=True).iterator(_BATCH)


def payers_of(provider: str, organization: Organization | None) -> Iterator[str]:
    """Yield the provider's ids of all payers of ours that were not deleted there."""
    rows = Customer.objects.filter(provider=provider, deleted_at=None).exclude(external_id="")
    if organization is not None:
        rows = rows.for_org(organization)
    return rows.values_list("external_id", flat=True).iterator(_BATCH)


def finalized_since(
    provider: str, since: datetime, organization: Organization | None
) -> Iterator[str]:
    """Yield the provider's ids of the invoices that were made since a moment, without drafts."""
    rows = Invoice.objects.filter(provider=provider, issued_at__gte=since)
    rows = rows.exclude(finalized_at=None)
    if organization is not None:
        rows = rows.for_org(organization)
    return rows.values_list("external_id", flat=True).iterator(_BATCH)


def last_reconciliation(provider: str) -> Reconciliation | None:
    """Return the newest comparison of all organizations that came to its end."""
    rows = Reconciliation.objects.filter(provider=provider, organization=None, state=RunState.DONE)
    return rows.order_by("-started_at").first()


def standing_by_kind(provider: str, organization: Organization | None) -> list[tuple[str, int]]:
    """Return how much stands open of each kind, in words, most first."""
    rows = Difference.objects.filter(provider=provider, state=DifferenceState.OPEN)
    if organization is not None:
        rows = rows.for_org(organization)
    counts = rows.order_by().values_list("kind").annotate(count=Count("pk"))
    return [
        (DifferenceKind(kind).label, count)
        for kind, count in sorted(counts, key=lambda pair: (-pair[1], pair[0]))
    ]
