"""Rows as the API shows them: prepared dicts, because these are read often."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from billing.models import CheckoutSession, Price, Quote, Subscription
from billing.money import as_decimal
from billing.selectors.access import Access, plan_status_now
from billing.services.changes import Changed
from billing.services.subscribe import Started
from orgs.models import Organization


def price(row: Price) -> dict[str, Any]:
    """Show a price: `amount` in minor units, `amount_decimal` for people."""
    return {
        "id": str(row.pk),
        "interval": row.interval,
        "currency": row.currency,
        "amount": row.amount_minor,
        "amount_decimal": as_decimal(row.amount_minor, row.currency),
        "usage_type": row.usage_type,
        "trial_days": row.trial_days,
    }


def plan_of(row: Subscription) -> dict[str, Any]:
    """Show the plan a subscription pins."""
    version = row.plan_version
    return {"slug": version.plan.code, "name": version.plan.name, "version": version.version}


def subscription(row: Subscription) -> dict[str, Any]:
    """Show a subscription (without a client secret)."""
    return {
        "id": str(row.pk),
        "provider": row.provider,
        "status": row.status,
        "plan": plan_of(row),
        "price": price(row.price),
        "seats": row.seats,
        "current_period_start": moment(row.current_period_start),
        "current_period_end": moment(row.current_period_end),
        "cancel_at_period_end": row.cancel_at_period_end,
        "auto_renew": row.auto_renew,
        "cancel_at": moment(row.cancel_at),
        "canceled_at": moment(row.canceled_at),
        "ended_at": moment(row.ended_at),
        "trial_end": moment(row.trial_end),
        "pending_change": row.pending_change,
        "resumes_at": moment(row.resumes_at),
        "discount": row.discount,
        "billing_email": row.billing_email or None,
        "customer": str(row.customer_id),
        "external_customer_id": row.customer.external_id or None,
        "external_subscription_id": row.external_id or None,
        "latest_invoice": row.latest_invoice_external_id or None,
    }


def changed(result: Changed) -> dict[str, Any]:
    """Show what a change came to: a secret while the payer must act, a time while it is unknown."""
    shown = subscription(result.subscription)
    if result.client_secret:
        shown["client_secret"] = result.client_secret
    if result.resolve_after:
        shown["resolve_after"] = moment(result.resolve_after)
    return shown


def quote(row: Quote) -> dict[str, Any]:
    """Show what something would cost."""
    return {
        "quote_id": str(row.pk),
        "kind": row.kind,
        "expires_at": moment(row.expires_at),
        "currency": row.currency,
        "subtotal": row.subtotal_minor,
        "discount": row.discount_minor,
        "tax": row.tax_minor,
        "total": row.total_minor,
        "amount_due": row.amount_due_minor,
        "amount_decimal": as_decimal(row.amount_due_minor, row.currency),
        "charged_now": row.charged_at_once,
        "lines": row.lines,
        "proration_date": moment(row.proration_date),
    }


def started(result: Started) -> dict[str, Any]:
    """Show what a start came to: a secret while the payer must act, a time while it is unknown."""
    shown = subscription(result.subscription)
    if result.client_secret:
        shown["client_secret"] = result.client_secret
    if result.resolve_after:
        shown["resolve_after"] = moment(result.resolve_after)
    return shown


def status(
    organization: Organization,
    row: Subscription | None,
    access: Access,
    features: Mapping[str, Any],
) -> dict[str, Any]:
    """Show where an organization stands."""
    ends = None
    if row is not None and not row.is_final:
        ends = row.cancel_at or (row.current_period_end if row.cancel_at_period_end else None)
    renews = row.current_period_end if row is not None and row.is_live and row.auto_renew else None
    return {
        "plan_status": plan_status_now(organization, access),
        "access": {
            "level": access.level.value,
            "reason_code": access.reason_code,
            "message": access.message,
            "until": moment(access.until),
            "since": moment(access.since),
            "caused_by_event": access.caused_by_event and str(access.caused_by_event),
        },
        "subscription": subscription(row) if row else None,
        "plan": plan_of(row) if row else None,
        "renews_at": moment(renews),
        "cancels_at": moment(ends),
        "features": dict(features),
    }


def session(row: CheckoutSession, url: str) -> dict[str, Any]:
    """Show a checkout that was just opened."""
    return {"id": str(row.pk), "session_url": url, "expires_at": moment(row.expires_at)}


def moment(value: datetime | None) -> str | None:
    """Show a time as UTC ISO-8601 with a Z."""
    return value.isoformat().replace("+00:00", "Z") if value else None
