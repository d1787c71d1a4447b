"""How far the change that a quote is for has come: what its page shows is always this."""

import dataclasses
from datetime import datetime
from typing import Literal

from billing.enums import AttemptState, ObligationState
from billing.models import Obligation, Quote

_ON_ITS_WAY = (AttemptState.CREATED, AttemptState.SENT, AttemptState.UNKNOWN)
_REFUSED = (AttemptState.FAILED, AttemptState.NOT_PROCESSED)

Stage = Literal["open", "expired", "pending", "action", "failed", "done"]


@dataclasses.dataclass(frozen=True, slots=True)
class Progress:
    """A stage, and why it failed.

    `open`: the offer stands, nothing was done. `expired`: it stands no longer. `pending`: the
    provider was asked, the outcome is unknown. `action`: the payer's bank asks something.
    `failed`: refused, nothing changed; the offer may still stand. `done`: it happened.
    """

    stage: Stage
    error_code: str = ""


def progress(quote: Quote, *, now: datetime) -> Progress:
    """Say how far a change has come, from our own rows alone."""
    debt = _latest_debt(quote)
    if debt is not None:
        if debt.state == ObligationState.SETTLED:
            return Progress("done")
        attempt = debt.attempts.order_by("-number").first()
        if attempt is not None and debt.state == ObligationState.OPEN:
            if attempt.state == AttemptState.SUCCEEDED:
                return Progress("done")  # paid between our reading the debt and the try
            if attempt.state in _ON_ITS_WAY:
                return Progress("pending")
            if attempt.state == AttemptState.REQUIRES_ACTION:
                return Progress("action")
        if attempt is not None and attempt.state in _REFUSED:
            return Progress("failed", attempt.decline_code or attempt.error_code or "API_ERROR")
    return Progress("open" if stands(quote, now=now) else "expired")


def stands(quote: Quote, *, now: datetime) -> bool:
    """Say whether a quote may still be used, as far as the time tells."""
    return quote.used_at is None and quote.expires_at > now


def _latest_debt(quote: Quote) -> Obligation | None:
    """Return the last try to do what a quote says; each is a debt of its own."""
    rows = Obligation.objects.filter(organization_id=quote.organization_id, quote=quote)
    return rows.order_by("-created_at").first()
