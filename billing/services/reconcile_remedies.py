"""Ending a difference: take over the provider's side, or send it ours.

Afterwards the object is looked at once more, whatever was done: what is gone is resolved with the
name of whoever ended it, what still differs stands.
"""

import uuid
from collections.abc import Callable
from datetime import datetime

from django.db import transaction

from billing.drivers import registry
from billing.drivers.base import DriverError, ObjectMissing
from billing.enums import Provider, SubscriptionStatus
from billing.errors import NotPossibleNow
from billing.models import Customer, Difference, PaymentMethod, Subscription
from billing.selectors import reconciliation
from billing.services import (
    differences,
    inbox,
    invoices,
    method_writes,
    payers,
    projection,
    reconcile,
    reconcile_look,
    refusals,
    resolve,
    standalone,
)
from billing.types import Cause, PayerSnapshot, Subject, SubscriptionSnapshot
from billing.types.differences import DifferenceKind, DifferenceState, Resolution

Step = Callable[[Difference, Cause, datetime], None]


class NothingToAdopt(NotPossibleNow):
    """The provider's side can't be taken over here. Decide there what should become of it."""


class NothingToPush(NotPossibleNow):
    """Ours can't be sent to the provider for this kind of difference."""


class AlreadyResolved(NotPossibleNow):
    """This difference is gone already."""


def adopt_provider(
    *, difference: Difference, actor_id: uuid.UUID, now: datetime
) -> DifferenceState:
    """Take over what the provider has; return how the difference stands now.

    Raises:
        NothingToAdopt: it can't be taken over here.
        ProviderRefused, ProviderBusy, ProviderFailed: it could not be asked.
    """
    step = _ADOPTIONS.get(difference.object_type)
    if step is None:
        raise NothingToAdopt
    return _do(difference, step, Resolution.ADOPTED, actor_id, now)


def push_local(*, difference: Difference, actor_id: uuid.UUID, now: datetime) -> DifferenceState:
    """Send the provider what we have; return how the difference stands now.

    Raises:
        NothingToPush: there is no such write.
        ProviderRefused, ProviderBusy, ProviderFailed: it did not take it, or nobody knows.
    """
    step = _PUSHES.get(DifferenceKind(difference.kind))
    if step is None:
        raise NothingToPush
    return _do(difference, step, Resolution.PUSHED, actor_id, now)


def _do(
    difference: Difference,
    step: Step,
    resolution: Resolution,
    actor_id: uuid.UUID,
    now: datetime,
) -> DifferenceState:
    if difference.state == DifferenceState.RESOLVED:
        raise AlreadyResolved
    cause = Cause("staff", id=str(actor_id), detail="reconciliation")
    try:
        step(difference, cause, now)
        session = reconcile.open_session(registry.get_driver(difference.provider), now)
        seen = reconcile_look.look_at(session, _subject(difference))
    except DriverError as error:
        raise refusals.of_code(error.code, retry_after=error.retry_after) from error
    if seen is not None:
        differences.record_look(
            look=seen.look, now=now, resolution=resolution, decided_by_id=actor_id
        )
    difference.refresh_from_db()
    return DifferenceState(difference.state)


def _subject(difference: Difference) -> Subject:
    return Subject(difference.object_type, difference.external_id)


# --- Adopt ------------------------------------------------------------------------------------


def _adopt_subscription(difference: Difference, cause: Cause, now: datetime) -> None:
    """Converge; one that the provider has never heard of ends here."""
    fetched_at = projection.database_now()
    driver = registry.get_driver(difference.provider)
    try:
        snapshot = driver.retrieve_subscription(difference.external_id)
    except ObjectMissing:
        row = reconciliation.subscription(difference.provider, difference.external_id)
        if row is None:
            return
        snapshot = _ended(row, now)
    try:
        projection.converge(snapshot=snapshot, fetched_at=fetched_at, cause=cause, now=now)
    except projection.UnknownSubscription:
        raise NothingToAdopt from None


def _ended(row: Subscription, now: datetime) -> SubscriptionSnapshot:
    """Return our row as a subscription that has just ended."""
    link = row.price.external_prices.filter(provider=row.provider).first()
    return SubscriptionSnapshot(
        provider=Provider(row.provider),
        external_id=row.external_id,
        external_customer_id=row.customer.external_id,
        status=SubscriptionStatus.CANCELED,
        our_id=str(row.pk),
        external_price_id=link.external_id if link else "",
        seats=row.seats,
        current_period_start=row.current_period_start,
        current_period_end=row.current_period_end,
        canceled_at=now,
        ended_at=now,
        trial_end=row.trial_end,
        latest_invoice_id=row.latest_invoice_external_id,
    )


def _adopt_payer(difference: Difference, cause: Cause, now: datetime) -> None:
    fetched_at = projection.database_now()
    provider = Provider(difference.provider)
    try:
        snapshot = registry.get_driver(provider).retrieve_payer(difference.external_id)
    except ObjectMissing:
        snapshot = PayerSnapshot(provider, difference.external_id, is_deleted=True)
    payers.converge_payer(snapshot=snapshot, fetched_at=fetched_at, cause=cause, now=now)


def _adopt_invoice(difference: Difference, cause: Cause, now: datetime) -> None:
    """Converge; a draft that was deleted there is forgotten here."""
    fetched_at = projection.database_now()
    try:
        snapshot = registry.get_driver(difference.provider).retrieve_invoice(difference.external_id)
    except ObjectMissing:
        if invoices.drop_draft(provider=difference.provider, external_id=difference.external_id):
            return
        raise NothingToAdopt from None
    with transaction.atomic():
        standalone.converge_standalone(
            snapshot=snapshot, along=(), happened=(), fetched_at=fetched_at, cause=cause, now=now
        )


def _adopt_charge(difference: Difference, cause: Cause, now: datetime) -> None:
    fetched_at = projection.database_now()
    snapshot = registry.get_driver(difference.provider).retrieve_charge(difference.external_id)
    with transaction.atomic():
        standalone.converge_standalone(
            snapshot=snapshot, along=(), happened=(), fetched_at=fetched_at, cause=cause, now=now
        )


def _adopt_event(difference: Difference, _cause: Cause, _now: datetime) -> None:
    """Take in an event as if its webhook had come; handled like any other."""
    stored = registry.get_driver(difference.provider).retrieve_event(difference.external_id)
    inbox.receive_event(
        provider=Provider(difference.provider), account=None, webhook=stored, trace_id=""
    )


def _adopt_attempt(difference: Difference, cause: Cause, now: datetime) -> None:
    """Ask what became of an attempt, now."""
    row = reconciliation.attempt(difference.provider, difference.external_id)
    if row is not None:
        resolve.resolve_attempt(attempt_id=row.pk, now=now, cause=cause, force=True)


_ADOPTIONS: dict[str, Step] = {
    "subscription": _adopt_subscription,
    "customer": _adopt_payer,
    "invoice": _adopt_invoice,
    "charge": _adopt_charge,
    "event": _adopt_event,
    "payment_attempt": _adopt_attempt,
}


# --- Push -------------------------------------------------------------------------------------


def _push_email(difference: Difference, cause: Cause, now: datetime) -> None:
    """Have bills go to our address again; only who is subscribed has an address with us."""
    customer = _customer(difference)
    rows = Subscription.objects.filter(customer=customer).live()
    subscription = rows.select_related("customer", "organization").first()
    if subscription is None:
        raise NothingToPush
    payers.change_billing_email(
        subscription=subscription, email=customer.email, cause=cause, now=now
    )


def _push_default(difference: Difference, cause: Cause, now: datetime) -> None:
    """Have the provider charge the method that we show as the default."""
    customer = _customer(difference)
    methods = PaymentMethod.objects.filter(customer=customer).attached()
    default = methods.filter(is_default=True).first()
    if default is None:
        raise NothingToPush
    method_writes.set_default(
        customer=customer, external_id=default.external_id, cause=cause, now=now
    )


def _customer(difference: Difference) -> Customer:
    if difference.organization is None:
        raise NothingToPush
    rows = Customer.objects.for_org(difference.organization).filter(provider=difference.provider)
    if difference.object_type == "subscription":
        rows = rows.filter(subscriptions__external_id=difference.external_id)
    else:
        rows = rows.filter(external_id=difference.external_id)
    customer = rows.first()
    if customer is None:
        raise NothingToPush
    return customer


_PUSHES: dict[DifferenceKind, Step] = {
    DifferenceKind.CUSTOMER_EMAIL: _push_email,
    DifferenceKind.DEFAULT_METHOD: _push_default,
}
