"""Reads of checkouts: what a page shows is always the local state, never the address."""

import dataclasses
import uuid
from datetime import datetime
from typing import Literal

from django.utils.crypto import constant_time_compare

from billing.enums import (
    AttemptState,
    CheckoutMode,
    CheckoutStatus,
    SubscriptionStatus,
)
from billing.models import CheckoutSession, PaymentAttempt
from billing.selectors import payments
from orgs.models import Organization

_RELATED = (
    "organization",
    "price__plan_version__plan",
    "subscription__plan_version__plan",
    "subscription__price",
    "subscription__customer",
)

_UNFINISHED = (AttemptState.REQUIRES_ACTION, AttemptState.SUCCEEDED)

Stage = Literal["open", "pending", "action", "succeeded", "failed", "expired"]


@dataclasses.dataclass(frozen=True, slots=True)
class Progress:
    """How far a checkout has come.

    `open`: nothing paid yet. `pending`: a payment is being confirmed. `action`: the payer's bank
    asks something. `failed`: declined, another card may be tried. The other two are final.
    """

    stage: Stage
    error_code: str = ""


def by_id(organization: Organization, session_id: str | uuid.UUID) -> CheckoutSession | None:
    """Return a checkout of an organization."""
    try:
        key = uuid.UUID(str(session_id))
    except ValueError:
        return None
    return (
        CheckoutSession.objects.for_org(organization).select_related(*_RELATED).filter(pk=key)
    ).first()


def by_token(session_id: str | uuid.UUID, hashed: str) -> CheckoutSession | None:
    """Return the checkout that a page's token opens (the token is the credential)."""
    try:
        key = uuid.UUID(str(session_id))
    except ValueError:
        return None
    session = CheckoutSession.objects.select_related(*_RELATED).filter(pk=key).first()
    if session is None or not session.token_hash:
        return None
    return session if constant_time_compare(session.token_hash, hashed) else None


def progress(session: CheckoutSession, *, now: datetime) -> Progress:
    """Say how far a checkout has come, from our own rows alone."""
    row = session.subscription
    if session.status == CheckoutStatus.COMPLETE or (row and (row.is_live or row.is_free)):
        return Progress("succeeded")
    over = session.status == CheckoutStatus.EXPIRED or session.expires_at <= now
    if row is not None:
        stage = _stage(payments.latest_attempt(row), row.status, session)
        if stage is not None and not (over and stage.stage == "open"):
            return stage
    if over:
        return Progress("expired")
    if session.error_code:
        return Progress("failed", session.error_code)
    return Progress("open")


def _stage(attempt: PaymentAttempt, status: str, session: CheckoutSession) -> Progress | None:
    if attempt.state in (AttemptState.CREATED, AttemptState.SENT, AttemptState.UNKNOWN):
        return Progress("pending")
    if status == SubscriptionStatus.INCOMPLETE and attempt.state in _UNFINISHED:
        # Succeeded: paid between our reading the subscription and the attempt.
        # On the provider's page the payer may simply not have finished typing.
        is_asked = attempt.state == AttemptState.REQUIRES_ACTION
        is_elsewhere = session.mode == CheckoutMode.HOSTED_PROVIDER
        return Progress("action" if is_asked and not is_elsewhere else "pending")
    if attempt.state == AttemptState.FAILED:
        return Progress("failed", attempt.decline_code or attempt.error_code)
    if attempt.state == AttemptState.NOT_PROCESSED:
        return Progress("failed", attempt.error_code or "API_ERROR")
    return None
