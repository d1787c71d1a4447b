"""Finding and locking the rows that providers' snapshots are about: several at once, in order.

Whatever is locked here is locked by every writer in the same order (organizations, subscriptions,
obligations; each sorted by id), so that batches and single requests never wait in a circle.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from uuid import UUID

from django.db import connection

from billing.enums import LIVE_STATUSES, SubscriptionStatus
from billing.models import ExternalPrice, Price, Subscription
from billing.services import settlement
from billing.types import SubscriptionSnapshot
from orgs.base import rows_where
from orgs.models import Organization

# Whoever pays, with whatever provider: an organization itself (no reference), or a customer of it.
_Payer = tuple[UUID, str | None]


@dataclasses.dataclass(frozen=True, slots=True)
class Locked:
    """One subscription with its organization, customer, plan and price, and what goes with it.

    `link` is the catalogue's entry for the price in the snapshot, None when it is not known there;
    `next_link` that for the price it is scheduled to have; `start` the first debt and the latest
    try at it, `others` what else is open. For a subscription that is about to give
    access, `has_rival` says that another one of the payer already does, and `free` are the payer's
    free plans. Two snapshots of one row share it.
    """

    subscription: Subscription
    link: ExternalPrice | None
    next_link: ExternalPrice | None
    start: settlement.Debt | None
    others: Sequence[settlement.Debt]
    has_rival: bool
    free: Sequence[Subscription]


def lock(snapshots: Sequence[SubscriptionSnapshot]) -> list[Locked | None]:
    """Lock our rows for these snapshots, in the caller's transaction; None for what is not ours."""
    pairs = _find(snapshots)
    owners = list({pair[1] for pair in pairs if pair})
    found = rows_where(Organization, "id = ANY(%s) ORDER BY id FOR NO KEY UPDATE", owners)
    organizations = {row.pk: row for row in found}
    subscriptions = {
        row.pk: row
        for row in Subscription.objects.select_for_update(of=("self",))
        .select_related("customer", "plan_version__plan", "price")
        .filter(pk__in={pair[0] for pair in pairs if pair})
        .order_by("pk")
    }
    for subscription in subscriptions.values():
        subscription.organization = organizations[subscription.organization_id]
    debts = settlement.lock_debts(subscriptions.values())
    links = _links(snapshots, subscriptions.values()) if subscriptions else {}
    rows = [subscriptions[pair[0]] if pair else None for pair in pairs]
    starting = [
        row
        for row, snapshot in zip(rows, snapshots, strict=True)
        if row and snapshot.status in LIVE_STATUSES and row.status not in LIVE_STATUSES
    ]
    rivals, free = (_rivals(starting), _free(starting)) if starting else ({}, {})
    return [
        Locked(
            row,
            links.get((snapshot.provider, snapshot.external_price_id)),
            links.get((snapshot.provider, _next_price(snapshot))),
            debts[row.pk].start if row.pk in debts else None,
            debts[row.pk].others if row.pk in debts else (),
            bool(rivals.get(_payer(row), set()) - {row.pk}),
            free.get(_payer(row), []),
        )
        if row
        else None
        for row, snapshot in zip(rows, snapshots, strict=True)
    ]


def _rivals(starting: Sequence[Subscription]) -> dict[_Payer, set[UUID]]:
    """Find the live subscriptions of these payers, with whatever provider."""
    found: dict[_Payer, set[UUID]] = {}
    live = Subscription.objects.live().filter(
        organization__in={row.organization_id for row in starting}
    )
    for organization_id, reference, pk in live.values_list(
        "organization_id", "customer__reference", "pk"
    ):
        found.setdefault((organization_id, reference), set()).add(pk)
    return found


def _payer(row: Subscription) -> _Payer:
    return row.organization_id, row.customer.reference


def _free(starting: Sequence[Subscription]) -> dict[_Payer, list[Subscription]]:
    """Lock the free plans of these payers: organization and reference → subscriptions."""
    found: dict[_Payer, list[Subscription]] = {}
    rows = (
        Subscription.objects.select_for_update(of=("self",))
        .filter(
            organization__in={row.organization_id for row in starting},
            is_free=True,
            status=SubscriptionStatus.ACTIVE,
        )
        .select_related("customer", "plan_version__plan")
        .order_by("pk")
    )
    for row in rows:
        found.setdefault(_payer(row), []).append(row)
    return found


_Pair = tuple[UUID, UUID]

_FIND = """
SELECT provider, external_id, id, organization_id FROM billing_subscription
WHERE provider = ANY(%s) AND external_id = ANY(%s)
"""


def _find(snapshots: Sequence[SubscriptionSnapshot]) -> list[_Pair | None]:
    """Find the ids of subscription and organization, nothing locked yet."""
    named = {snapshot.external_id for snapshot in snapshots if snapshot.external_id}
    providers = {str(snapshot.provider) for snapshot in snapshots}
    with connection.cursor() as cursor:
        cursor.execute(_FIND, [list(providers), list(named)])
        rows = cursor.fetchall()
    known: dict[tuple[str, str], _Pair] = {
        (provider, external_id): (pk, organization_id)
        for provider, external_id, pk, organization_id in rows
    }
    return [
        known.get((snapshot.provider, snapshot.external_id)) or _find_by_our_id(snapshot)
        for snapshot in snapshots
    ]


def _find_by_our_id(snapshot: SubscriptionSnapshot) -> _Pair | None:
    try:
        our_id = UUID(snapshot.our_id)
    except ValueError:
        return None
    # Only a row of the same payer: metadata can be edited by whoever can log in there.
    return (
        Subscription.objects.filter(
            provider=snapshot.provider,
            pk=our_id,
            customer__external_id=snapshot.external_customer_id,
        )
        .values_list("pk", "organization_id")
        .first()
    )


def _next_price(snapshot: SubscriptionSnapshot) -> str:
    return snapshot.scheduled.external_price_id if snapshot.scheduled else ""


def _links(
    snapshots: Iterable[SubscriptionSnapshot], subscriptions: Iterable[Subscription]
) -> dict[tuple[str, str], ExternalPrice]:
    """Find the catalogue's entries; most are for the price that a subscription has already."""
    wanted = {snapshot.external_price_id for snapshot in snapshots}
    wanted = (wanted | {_next_price(snapshot) for snapshot in snapshots}) - {""}
    prices: dict[UUID, Price] = {}
    for subscription in subscriptions:
        if subscription.price.plan_version_id == subscription.plan_version_id:
            subscription.price.plan_version = subscription.plan_version
            prices[subscription.price_id] = subscription.price
    rows = rows_where(ExternalPrice, "external_id = ANY(%s)", list(wanted))
    if others := {row.price_id for row in rows} - prices.keys():
        prices |= Price.objects.select_related("plan_version__plan").in_bulk(others)
    for row in rows:
        row.price = prices[row.price_id]
    return {(row.provider, row.external_id): row for row in rows}
