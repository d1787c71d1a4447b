"""What a checkout on our page last led to."""

from datetime import datetime

from billing.enums import CheckoutStatus
from billing.models import CheckoutSession, Price
from billing.selectors import subscriptions


def drop_coupon(*, session: CheckoutSession, now: datetime) -> None:
    """Take the coupon off a checkout."""
    session.coupon_code, session.discount = "", None
    CheckoutSession.objects.filter(pk=session.pk).update(
        coupon_code="", discount=None, updated_at=now
    )


def link(
    session: CheckoutSession, price: Price, request_key: str, error_code: str, now: datetime
) -> None:
    """Remember what the checkout last led to; a live subscription completes it."""
    row = subscriptions.by_request_key(session.organization, request_key)
    if row is None and price.is_free:
        row = subscriptions.in_force(session.organization)
    fields: dict[str, object] = {"price": price, "error_code": error_code, "updated_at": now}
    if row is not None:
        fields["subscription"] = row
    CheckoutSession.objects.filter(pk=session.pk).update(**fields)
    if row is not None and (row.is_live or (row.is_free and not row.is_final)):
        CheckoutSession.objects.filter(pk=session.pk, status=CheckoutStatus.OPEN).update(
            status=CheckoutStatus.COMPLETE, completed_at=now
        )
