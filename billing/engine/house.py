"""One provider of the engine's kind: whose rows, and who moves its money."""

import dataclasses
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from billing.drivers.base import DriverRejected, DriverUnavailable, ObjectMissing, OutcomeUnknown
from billing.engine import charging, holdings, snapshots
from billing.engine.holdings import Held
from billing.engine.models import EngineSubscription, HandledKey, Payer
from billing.engine.models.subscriptions import Collection
from billing.engine.rails import Rail
from billing.enums import Provider
from billing.types import SubscriptionSnapshot
from orgs import clock
from orgs.base import insert_once
from orgs.models import Organization


@dataclasses.dataclass(frozen=True, slots=True)
class House:
    """A provider, and its rail; without one invoices are sent, and paid by their payers."""

    provider: Provider
    rail: Rail | None = None
    days_until_due: int = 0

    @property
    def collection(self) -> Collection:
        """Return how invoices become paid here."""
        return Collection.SEND_INVOICE if self.rail is None else Collection.CHARGE_AUTOMATICALLY

    def need_rail(self) -> Rail:
        """Return the rail.

        Raises:
            DriverRejected: nobody moves money here (`no_automatic_collection`).
        """
        if self.rail is None:
            raise DriverRejected("INVALID_REQUEST", detail="no_automatic_collection")
        return self.rail

    def payer(self, external_id: str) -> Payer:
        """Return a payer.

        Raises:
            ObjectMissing: there is none with this id.
        """
        rows = Payer.objects.select_related("organization", "seller")
        row = rows.filter(provider=self.provider, external_id=external_id).first()
        if row is None:
            raise ObjectMissing("INVALID_REQUEST", detail="resource_missing")
        return row

    def subscription(self, external_id: str) -> EngineSubscription:
        """Return a subscription.

        Raises:
            ObjectMissing: there is none with this id.
        """
        return snapshots.find_subscription(self.provider, external_id)

    def answer(self, row: EngineSubscription | str) -> SubscriptionSnapshot:
        """Return a subscription as it is now, read anew."""
        external_id = row if isinstance(row, str) else row.external_id
        found = self.subscription(external_id)
        return snapshots.subscription(found, now=now_of(found.organization_id))

    def decided(self, row: EngineSubscription) -> SubscriptionSnapshot:
        """Return a subscription once whatever is undecided of it has been asked about.

        Raises:
            DriverUnavailable: it can't be said yet, or nobody answered.
        """
        try:
            charging.resolve_all(self.rail, row, now=now_of(row.organization_id))
        except OutcomeUnknown as error:
            raise DriverUnavailable("API_ERROR", detail="charge_undecided") from error
        return self.answer(row)


def lock_subscription(row: EngineSubscription) -> EngineSubscription:
    """Lock a subscription with its payer, in the caller's transaction."""
    payer = _lock_payer(row)
    joined = ("price", "next_price", "debit_price", "latest_invoice")
    locked = _locking().select_related(*joined).get(pk=row.pk)
    locked.payer = payer
    return locked


def lock_decided(row: EngineSubscription) -> EngineSubscription | None:
    """Lock a subscription as `lock_subscription` does; None while a charge of it is undecided."""
    payer = _lock_payer(row)
    locked = _locking().select_related("price").get(pk=row.pk)
    locked.lacks = holdings.missing(subscription_id=locked.pk, payer_id=payer.pk)
    if Held.UNDECIDED not in locked.lacks:
        return None
    locked.payer = payer
    if locked.debit_price_id == locked.price_id:  # as nearly always: spared the join
        locked.debit_price = locked.price
    return locked


def _lock_payer(row: EngineSubscription) -> Payer:
    rows = Payer.objects.select_for_update(of=("self",), no_key=True)
    return rows.select_related("organization", "seller").get(pk=row.payer_id)


def _locking() -> QuerySet[EngineSubscription]:
    return EngineSubscription.objects.select_for_update(of=("self",), no_key=True)


def now_of(organization_id: UUID) -> datetime:
    """Return an organization's business time."""
    return clock.now(Organization.objects.get(pk=organization_id))


def is_handled(key: str, row: EngineSubscription) -> bool:
    """Note a write under its key, in the caller's transaction; True if it was done before."""
    return not insert_once(
        HandledKey(organization_id=row.organization_id, key=key, subscription=row)
    )


def handled(key: str, provider: Provider) -> EngineSubscription | None:
    """Return the subscription that a write under a key was about, if it was done."""
    found = HandledKey.objects.filter(key=key, subscription__provider=provider)
    done = found.select_related("subscription").first()
    return done.subscription if done else None
