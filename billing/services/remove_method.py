"""Taking a payment method off a payer, and never the last one that a subscription needs."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from billing.models import PaymentMethod
from billing.selectors import payment_methods
from billing.services import method_writes
from billing.types import Cause
from orgs.errors import Conflict
from orgs.models import Organization

# Longer than all calls of one removal can take. Released at its end; this is for a process that
# died in the middle.
_REMOVAL_LEASE = timedelta(minutes=5)


class LastPaymentMethod(Conflict):
    """This is the only payment method of a running subscription. Please add another one first."""


def remove_payment_method(*, method: PaymentMethod, cause: Cause, now: datetime) -> None:
    """Take a method off its payer; if it was the default, the newest other one follows.

    Raises:
        LastPaymentMethod: a running subscription would be left with none.
        Conflict: it is being removed already.
        ProviderRefused, ProviderBusy, ProviderFailed: the same request again ends in the same
            state.
    """
    successor = _claim_removal(method)
    try:
        if method.is_default and successor is not None:
            method_writes.set_default(
                customer=method.customer, external_id=successor.external_id, cause=cause, now=now
            )
        method_writes.detach(method=method, cause=cause, now=now)
    finally:
        PaymentMethod.objects.filter(pk=method.pk).update(removing_until=None)


def _claim_removal(method: PaymentMethod) -> PaymentMethod | None:
    """Commit that a method is being removed; return the newest one that stays."""
    with transaction.atomic():
        Organization.objects.select_for_update(no_key=True).get(pk=method.organization_id)
        method.refresh_from_db(fields=["is_default", "detached_at"])
        free = Q(removing_until=None) | Q(removing_until__lte=Now())
        claimed = PaymentMethod.objects.filter(free, pk=method.pk, detached_at=None).update(
            removing_until=Now() + _REMOVAL_LEASE
        )
        if not claimed:
            raise Conflict
        successor = payment_methods.others_of(method).filter(free).first()
        if successor is None and method_writes.live_subscription(method.customer) is not None:
            raise LastPaymentMethod
        return successor
