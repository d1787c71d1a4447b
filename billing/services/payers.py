"""Payers and what they can pay with: the provider's truth, applied to our rows.

The request that attached a card, its webhook and whoever looks again all end in `converge_payer`,
so it does not matter which of them comes first, or how often.
"""

import contextlib
import dataclasses
import logging
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from django.db import transaction
from django.db.models import Q

from billing.drivers import registry
from billing.drivers.base import DriverError, DriverRejected
from billing.models import Customer, PaymentMethod, Subscription
from billing.selectors import payment_methods
from billing.services import customers, default_methods, projection, refusals, timeline
from billing.types import Cause, PayerSnapshot, PaymentMethodSnapshot
from orgs import selectors
from orgs.base import rows_where
from orgs.models import Organization

_SHOWN = ("kind", "brand", "last4", "exp_month", "exp_year", "fingerprint")
_LONGEST_EMAIL = 254  # what our column takes; providers take more
_LOCKED = "id = %s FOR NO KEY UPDATE"
_OWN = "customer_id = %s"

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")


class UnknownPayer(LookupError):
    """The provider's payer carries our id, and its own is not (yet) with our row."""


@dataclasses.dataclass(frozen=True, slots=True)
class ConvergedPayer:
    """What came of a snapshot. `applied` is False for one that was older than what we have."""

    customer: Customer
    applied: bool


def converge_payer(
    *, snapshot: PayerSnapshot, fetched_at: datetime, cause: Cause, now: datetime
) -> ConvergedPayer | None:
    """Apply a provider's payer to ours, and write down what that changed; None for nobody's.

    Args:
        snapshot: the payer as the provider had it.
        fetched_at: database time at which the fetch *began* (see `projection.database_now`).
        cause: what set this off; kept with every line of the timeline it leads to.
        now: business time.

    Raises:
        UnknownPayer: it is one of ours, and its creation is not finished here.
    """
    # Whoever calls from within a transaction has it rolled back as a whole, so no savepoint.
    with transaction.atomic(savepoint=False):
        customer = _lock(snapshot)
        if customer is None:
            return None
        is_newer = customer.snapshot_at is None or fetched_at >= customer.snapshot_at
        if is_newer:
            customer.snapshot_at = fetched_at
            _apply(customer, snapshot, cause, now)
        return ConvergedPayer(customer, is_newer)


def _lock(snapshot: PayerSnapshot) -> Customer | None:
    """Lock the payer's organization, then the payer."""
    rows = Customer.objects.filter(provider=snapshot.provider)
    found = rows.filter(external_id=snapshot.external_id).values_list("pk", "organization_id")
    ids = found.first()
    if ids is None:
        our_id = selectors.parse_uuid(snapshot.our_id)
        unfinished = rows.filter(Q(external_id="") | ~Q(deleted_at=None))
        if our_id is not None and unfinished.filter(pk=our_id).exists():
            raise UnknownPayer(snapshot.external_id)
        return None
    [organization] = rows_where(Organization, _LOCKED, ids[1])
    [customer] = rows_where(Customer, _LOCKED, ids[0])
    customer.organization = organization
    # Its external id may have been replaced while we waited.
    return customer if customer.external_id == snapshot.external_id else None


def _apply(customer: Customer, snapshot: PayerSnapshot, cause: Cause, now: datetime) -> None:
    lines = _take_payer(customer, snapshot, now)
    known = {row.external_id: row for row in rows_where(PaymentMethod, _OWN, customer.pk)}
    there = {method.external_id for method in snapshot.methods}
    for row in known.values():
        if row.external_id not in there and row.detached_at is None:
            lines.append(_detach(row, now))
    # A provider lists the newest first; our rows are told apart by their age.
    for method in reversed(snapshot.methods):
        known_row = known.get(method.external_id)
        row = known_row or _new(customer, method)
        known[method.external_id] = row
        lines += _take_method(row, method, now, is_new=known_row is None)
    for line in lines:
        timeline.record_event(organization=customer.organization, line=line, cause=cause)
    default_methods.settle_default(
        organization=customer.organization,
        methods=[row for row in known.values() if row.detached_at is None],
        wanted=(_named_by_subscription(customer), customer.default_method_external_id),
        cause=cause,
        now=now,
    )


def _take_payer(customer: Customer, snapshot: PayerSnapshot, now: datetime) -> list[timeline.Line]:
    is_news = snapshot.is_deleted and customer.deleted_at is None
    if is_news:
        customer.deleted_at, customer.requested_at = now, None
    if 0 < len(snapshot.email) <= _LONGEST_EMAIL:
        customer.email = snapshot.email
    customer.default_method_external_id = snapshot.default_method_id
    customer.save(
        update_fields=[
            "snapshot_at",
            "deleted_at",
            "requested_at",
            "email",
            "default_method_external_id",
            "updated_at",
        ]
    )
    if not is_news:
        return []
    words = f"{customer.get_provider_display()} does not know this payer any more."
    return [_about_payer(customer, "deleted", words, now)]


def _about_payer(customer: Customer, verb: str, summary: str, now: datetime) -> timeline.Line:
    return timeline.Line(
        type=f"billing.customer.{verb}",
        summary=summary,
        object_type="customer",
        object_id=str(customer.pk),
        occurred_at=now,
        provider=customer.provider,
        data={"external_id": customer.external_id},
    )


def _new(customer: Customer, method: PaymentMethodSnapshot) -> PaymentMethod:
    return PaymentMethod(
        organization=customer.organization,
        customer=customer,
        provider=customer.provider,
        external_id=method.external_id,
    )


def _take_method(
    row: PaymentMethod, method: PaymentMethodSnapshot, now: datetime, *, is_new: bool
) -> list[timeline.Line]:
    """Copy what is shown of a method; say what that changed."""
    before = {name: getattr(row, name) for name in _SHOWN}
    for name in _SHOWN:
        setattr(row, name, getattr(method, name))
    row.exp_month, row.exp_year = method.exp_month or None, method.exp_year or None
    if is_new or row.detached_at is not None:
        row.detached_at = row.removing_until = None
        row.save()
        return [default_methods.line_about(row, "attached", f"{row.label} was added.", now)]
    if all(getattr(row, name) == old for name, old in before.items()):
        return []
    row.save(update_fields=[*_SHOWN, "updated_at"])
    expires = f": it expires {row.expiry} now" if row.expiry else ""
    summary = f"{row.label} was updated{expires}."
    return [default_methods.line_about(row, "updated", summary, now)]


def _detach(row: PaymentMethod, now: datetime) -> timeline.Line:
    row.detached_at, row.is_default, row.removing_until = now, False, None
    row.save(update_fields=["detached_at", "is_default", "removing_until", "updated_at"])
    return default_methods.line_about(row, "detached", f"{row.label} was removed.", now)


def _named_by_subscription(customer: Customer) -> str:
    rows = Subscription.objects.live().filter(customer=customer)
    return rows.values_list("payment_method_external_id", flat=True).first() or ""


def look_again(*, customer: Customer, cause: Cause, now: datetime) -> None:
    """Ask the provider for a payer and apply the answer.

    Raises:
        DriverError: it could not be asked.
    """
    fetched_at = projection.database_now()
    driver = registry.get_driver(customer.provider)
    snapshot = driver.retrieve_payer(customer.external_id)
    converge_payer(snapshot=snapshot, fetched_at=fetched_at, cause=cause, now=now)
    customer.refresh_from_db()


def see_unseen(*, organization: Organization, cause: Cause, now: datetime) -> None:
    """Look at those of an organization's payers that were never looked at.

    Later changes come by webhook. A provider that does not answer is no failure: it is asked
    again the next time.
    """
    for customer in payment_methods.unseen_payers(organization):
        try:
            look_again(customer=customer, cause=cause, now=now)
        except DriverError as error:
            logger.warning(
                "payer.not_seen", extra={"customer": str(customer.pk), "code": error.code}
            )


def see_untold(*, customer: Customer, cause: Cause, now: datetime) -> None:
    """Look at a payer whose provider sends no events, after something was given to it."""
    if registry.get_driver(customer.provider).capabilities.signed_webhooks:
        return
    try:
        look_again(customer=customer, cause=cause, now=now)
    except DriverError as error:
        logger.warning("payer.not_seen", extra={"customer": str(customer.pk), "code": error.code})


def ask_for_payer(
    *, customer: Customer, ask: Callable[[str], Answer], cause: Cause, now: datetime
) -> Answer:
    """Make a call with the provider's id of a payer, who is created there if need be.

    A payer who was deleted there, without our having heard of it, is created anew.

    Raises:
        DriverError: whatever `ask` raises, or the payer could not be created.
    """
    external_id = customers.ensure_external(customer=customer, now=now)
    try:
        return ask(external_id)
    except DriverRejected as error:
        if error.code == "CARD_DECLINED":
            raise
        with contextlib.suppress(DriverError):
            look_again(customer=customer, cause=cause, now=now)
        if customer.deleted_at is None:
            raise
    return ask(customers.ensure_external(customer=customer, now=now))


def change_billing_email(
    *, subscription: Subscription, email: str, cause: Cause, now: datetime
) -> None:
    """Have a payer's bills go elsewhere: the provider is told first, then our rows follow.

    Asked again after a failure it does the same once more; nothing is changed here before the
    provider has it.

    Raises:
        ProviderRefused: the provider does not take this address.
        ProviderBusy: not processed.
        ProviderFailed: not processed, or nobody knows.
    """
    customer = subscription.customer
    if customer.external_id and registry.is_configured(customer.provider):
        driver = registry.get_driver(customer.provider)
        key = f"email:{uuid.uuid4()}"
        try:
            ask_for_payer(
                customer=customer,
                ask=lambda external_id: driver.update_customer(
                    external_id, email=email, name=customer.name, idempotency_key=key
                ),
                cause=cause,
                now=now,
            )
        except DriverError as error:
            raise refusals.of_code(error.code, retry_after=error.retry_after) from error
    with transaction.atomic():
        organization = Organization.objects.select_for_update(no_key=True).get(
            pk=customer.organization_id
        )
        Customer.objects.filter(pk=customer.pk).update(email=email, updated_at=now)
        is_news = (
            Subscription.objects.filter(pk=subscription.pk)
            .exclude(billing_email=email)
            .update(billing_email=email, updated_at=now)
        )
        if is_news:
            line = _about_payer(customer, "updated", f"Bills go to {email} now.", now)
            timeline.record_event(organization=organization, line=line, cause=cause)
    subscription.billing_email = customer.email = email
