"""Telling payers that their subscription renews, and at what price, before it does.

The sum is the provider's own preview, so it has seats, discounts, taxes, credit and what waits for
the next invoice in it. It is asked for outside of any transaction. A provider that does not answer
is asked again by the next run: a reminder without its sum would be none.
"""

import logging
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction

from billing.drivers import registry
from billing.drivers.base import DriverError
from billing.models import Subscription
from billing.money import Money
from billing.selectors import reminders as due
from billing.services import discounts
from billing.types import InvoicePreview
from notifications import services as notifications
from orgs.models import Organization

KIND = "renewal_reminder"
MOST_PER_RUN = 500
_CANCEL_PATH = "/settings/billing/cancel"

logger = logging.getLogger(__name__)


def remind_of_renewals(*, now: datetime, limit: int = MOST_PER_RUN) -> int:
    """Queue a mail for each renewal that is near, once for each period; say how many."""
    return sum(_remind(row, now) for row in due.to_remind(now=now, limit=limit))


def _remind(row: Subscription, now: datetime) -> bool:
    about = {"subscription": str(row.pk)}
    try:
        preview = registry.get_driver(row.provider).preview_renewal(row.external_id)
        return _tell(row, preview, now)
    except (DriverError, registry.ProviderUnknown) as error:
        logger.warning("reminder.not_previewed", extra={**about, "error": str(error)})
    except Exception:  # one in trouble must not keep the others from being told
        logger.exception("reminder.failed", extra=about)
    return False


def _tell(asked: Subscription, preview: InvoicePreview | None, now: datetime) -> bool:
    """Queue the mail, unless the subscription has become another one while the price was asked."""
    with transaction.atomic():
        Organization.objects.select_for_update(no_key=True).get(pk=asked.organization_id)
        row = (
            due.renewing(now)
            .select_for_update(of=("self",))
            .select_related("organization", "customer", "price", "plan_version__plan")
            .filter(pk=asked.pk, snapshot_at=asked.snapshot_at)
            .first()
        )
        if row is None or row.current_period_end is None:
            return False
        if row.reminded_for == row.current_period_end:
            return False
        row.reminded_for = row.current_period_end
        row.save(update_fields=["reminded_for", "updated_at"])
        if preview is None or preview.amount_due_minor == 0:
            return False  # nobody has to pay anything: nothing to be warned of
        return _queue(row, row.current_period_end, preview, now)


def _queue(row: Subscription, renews: datetime, preview: InvoicePreview, now: datetime) -> bool:
    customer = row.customer
    is_own = customer.reference is None
    to = row.billing_email or (row.organization.email if is_own else customer.email)
    if not to:
        logger.warning("reminder.no_address", extra={"subscription": str(row.pk)})
        return False
    queued = notifications.queue_message(
        organization=row.organization,
        kind=KIND,
        key=f"{row.pk}:{renews:%Y-%m-%d}",
        to=to,
        context={
            "organization": row.organization.name if is_own else customer.name,
            **_what(row),
            "renews_on": f"{renews:%-d %B %Y}",
            "amount": Money(preview.amount_due_minor, preview.currency).display(),
            "discount": _discount(row, preview),
            **_how(row),
            "manage_url": f"{settings.PUBLIC_URL}{_CANCEL_PATH}",
            "support_email": settings.SUPPORT_EMAIL,
        },
        now=now,
    )
    return queued is not None


def _what(row: Subscription) -> dict[str, Any]:
    """Return what it renews as: what it was scheduled to be from then on, or what it is."""
    pending = row.pending_change
    if pending and pending["kind"] == "scheduled":
        name = pending["plan"]["name"]
        return {"plan": name, "interval": pending["interval"], "seats": pending["seats"]}
    plan = row.plan_version.plan
    return {"plan": plan.name, "interval": row.price.interval, "seats": row.seats}


def _how(row: Subscription) -> dict[str, Any]:
    if not registry.get_driver(row.provider).capabilities.automatic_collection:
        return {"is_sent": True, "method": ""}
    method = due.charged_to(row)
    return {"is_sent": False, "method": method.label if method else ""}


def _discount(row: Subscription, preview: InvoicePreview) -> str:
    discount = discounts.stored(row.discount)
    return discounts.in_words(discount) if discount and preview.discount_minor else ""
