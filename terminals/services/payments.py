"""Opening a payment in person: a basket, its debt, and the reader that is to take it."""

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from django.db import transaction

from billing.drivers import registry
from billing.drivers.base import DriverError
from billing.enums import AttemptKind, ObligationKind
from billing.models import Obligation, PaymentAttempt
from billing.services import projection, refusals, settlement
from billing.types import Cause
from orgs.errors import InvalidRequest
from orgs.models import Organization
from terminals.enums import CaptureMethod, PaymentStatus
from terminals.models import Terminal, TerminalPayment
from terminals.selectors import payments, terminals
from terminals.services import concluding, processing, rows

# Eight digits are the most that Stripe charges at once.
# Source: https://docs.stripe.com/api/payment_intents/create (amount)
MOST_MINOR = 99_999_999
# Stripe's limits for metadata, with room for our own entries.
# Source: https://docs.stripe.com/api/metadata
_MOST_ENTRIES, _LONGEST_NAME, _LONGEST_VALUE = 20, 40, 500
_LONGEST_REFERENCE, _LONGEST_STARTER = 100, 150
_OPEN_RESOLVE_AFTER_S = 60


@dataclasses.dataclass(frozen=True, slots=True)
class PaymentRequest:
    """What a till wants paid. `amount_minor` without the tip, in minor units of `currency`.

    No `currency` is the reader's own. `reference` is the till's name of the basket, `started_by`
    that of the till. `process` also starts the reader. The same `request_key` opens once.
    """

    terminal_id: UUID
    amount_minor: int
    currency: str = ""
    capture_method: str = CaptureMethod.AUTOMATIC
    reference: str = ""
    metadata: Mapping[str, str] = dataclasses.field(default_factory=dict)
    asks_for_tip: bool = False
    request_key: str = ""
    process: bool = True
    started_by: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Opened:
    """What came of it. `client_secret` is for a till that drives its reader itself."""

    payment: TerminalPayment
    client_secret: str = dataclasses.field(default="", repr=False)


def open_payment(
    *, organization: Organization, request: PaymentRequest, cause: Cause, now: datetime
) -> Opened:
    """Write down a payment and prepare it, or start it at once (`request.process`).

    A reader that could not be started leaves a payment that waits for one: `decline_code` says why.

    Raises:
        NotFound: no such reader of this organization.
        InvalidRequest: an amount, currency, capture method or metadata that can't be; by field.
        TerminalBusy: another payment holds the reader (only with `process`); nothing was opened.
        Conflict: a payment with this reference is open; `fields` names it.
        ProviderRefused, ProviderBusy, ProviderFailed: it could not be prepared; the same key, or
            `processing.process`, tries again.
    """
    terminal = terminals.get_terminal(organization, request.terminal_id)
    currency = _check(terminal, request)
    payment, attempt = _write(organization, terminal, request, currency, cause, now)
    if request.process:
        if attempt is not None:
            processing.start(attempt=attempt, cause=cause, now=now)
        return Opened(payments.get_payment(organization, payment.pk))
    secret = _prepare(payment, cause, now)
    return Opened(payments.get_payment(organization, payment.pk), secret)


def _check(terminal: Terminal, request: PaymentRequest) -> str:
    """Return the currency, if everything asked for can be."""
    fields: dict[str, list[str]] = {}
    currency = _currency(terminal)
    if not 1 <= request.amount_minor <= MOST_MINOR:
        fields["amount"] = [f"From 1 to {MOST_MINOR}, in minor units."]
    if request.currency and request.currency.upper() != currency:
        fields["currency"] = [f"This reader charges in {currency}."]
    if request.capture_method not in CaptureMethod:
        fields["capture_method"] = ["automatic or manual."]
    if len(request.reference) > _LONGEST_REFERENCE:
        fields["reference"] = [f"At most {_LONGEST_REFERENCE} characters."]
    if not _is_metadata(request.metadata):
        fields["metadata"] = [
            f"At most {_MOST_ENTRIES} texts of {_LONGEST_VALUE} letters, names of {_LONGEST_NAME}."
        ]
    if fields:
        raise InvalidRequest(fields=fields)
    return currency


def _currency(terminal: Terminal) -> str:
    try:
        return registry.get_driver(terminal.provider).terminal_currency(terminal.account_id)
    except DriverError as error:
        raise refusals.of_code(error.code, retry_after=error.retry_after) from error


def _is_metadata(metadata: Mapping[str, str]) -> bool:
    return len(metadata) <= _MOST_ENTRIES and all(
        1 <= len(name) <= _LONGEST_NAME
        and len(value) <= _LONGEST_VALUE
        and not name.startswith("till_")
        for name, value in metadata.items()
    )


def _write(
    organization: Organization,
    terminal: Terminal,
    request: PaymentRequest,
    currency: str,
    cause: Cause,
    now: datetime,
) -> tuple[TerminalPayment, PaymentAttempt | None]:
    """Commit the basket with its first try; what this key opened before is found again."""
    with transaction.atomic():
        locked = Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)
        known = payments.by_request_key(locked, request.request_key)
        if known is not None:
            return known, rows.attempt_about(known) if known.holds_reader else None
        processing.refuse_same_reference(organization=locked, reference=request.reference)
        if request.process:
            processing.refuse_if_busy(terminal=terminal)
        debt = Obligation.objects.create(
            organization=locked,
            kind=ObligationKind.TERMINAL,
            amount_minor=request.amount_minor,
            currency=currency,
            request_key=request.request_key,
        )
        payment = TerminalPayment.objects.create(
            organization=locked,
            terminal=terminal,
            obligation=debt,
            provider=terminal.provider,
            reference=request.reference,
            amount_minor=request.amount_minor,
            currency=currency,
            capture_method=request.capture_method,
            asks_for_tip=request.asks_for_tip,
            metadata=dict(request.metadata),
            started_by=request.started_by[:_LONGEST_STARTER],
        )
        if request.process:
            return payment, processing.claim(locked=rows.lock(payment.pk), cause=cause, now=now)
        return payment, None


def _prepare(payment: TerminalPayment, cause: Cause, now: datetime) -> str:
    """Return the secret with which a till drives its reader itself; empty where there is none.

    No money moves by what is sent here: whatever fails can be done again.
    """
    driver = registry.get_driver(payment.provider)
    if not driver.capabilities.reader_sdk or payment.status != PaymentStatus.REQUIRES_TERMINAL:
        return ""
    attempt = _own_try(payment)
    settlement.mark_sent(attempt=attempt, now=now, resolve_after_s=_OPEN_RESOLVE_AFTER_S)
    order = rows.order_of(payment, attempt)
    fetched_at = projection.database_now()
    try:
        snapshot = (
            driver.find_sale(order, sent_at=attempt.sent_at, now=now)
            if order.external_id
            else driver.open_sale(order, idempotency_key=f"{attempt.idempotency_key}:open")
        )
    except DriverError as error:
        concluding.give_up(attempt=attempt, cause=cause, now=now, error=error)
        raise refusals.of_code(error.code, retry_after=error.retry_after) from error
    if snapshot is None:
        return ""
    concluding.conclude(
        attempt=attempt, snapshot=snapshot, fetched_at=fetched_at, cause=cause, now=now
    )
    return snapshot.client_secret


def _own_try(payment: TerminalPayment) -> PaymentAttempt:
    """Return the try of a till that drives its reader itself: the live one, else a new one."""
    with transaction.atomic():
        locked = rows.lock(payment.pk)
        return locked.live or settlement.new_attempt(
            obligation=locked.debt, kind=AttemptKind.TERMINAL, provider=payment.provider
        )
