"""Readers and payments in person as the API shows them."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.urls import reverse

from billing.api.representations import moment
from billing.enums import AttemptState, ObligationState
from billing.models import Obligation
from billing.money import as_decimal
from notifications.models import Message
from terminals.enums import OPEN_STATUSES, PaymentStatus
from terminals.models import Terminal, TerminalPayment
from terminals.selectors import payments as selectors
from terminals.selectors import terminals as readers
from terminals.selectors.totals import DayTotals, Figures
from terminals.services import receipts, wording


def terminals(rows: Iterable[Terminal]) -> list[dict[str, Any]]:
    """Show a page of readers."""
    return [terminal(row) for row in rows]


def terminal(row: Terminal) -> dict[str, Any]:
    """Show a reader with the payment that it is about."""
    payment = readers.open_payment(row)
    return {
        "id": str(row.pk),
        "label": row.label,
        "provider": row.provider,
        "external_id": row.external_id,
        "location": row.location or None,
        "device_type": row.device_type or None,
        "status": readers.status(row).value,
        "last_seen_at": moment(row.last_seen_at),
        "open_payment": _in_short(payment) if payment else None,
        "created_at": moment(row.created_at),
    }


def _in_short(row: TerminalPayment) -> dict[str, Any]:
    return {
        "id": str(row.pk),
        "status": row.status,
        "reference": row.reference or None,
        "amount": row.amount_minor,
        "amount_decimal": as_decimal(row.amount_minor, row.currency),
        "currency": row.currency,
        "holds_terminal": row.holds_reader,
        "since": moment(row.held_since),
        "started_by": row.started_by or None,
    }


def payments(rows: Iterable[TerminalPayment]) -> list[dict[str, Any]]:
    """Show a page of payments."""
    page = list(rows)
    asked = selectors.resolve_after_of(page)
    return [_payment(row, asked.get(row.pk)) for row in page]


def payment(row: TerminalPayment, *, client_secret: str = "") -> dict[str, Any]:
    """Show a payment; with the secret only to a till that drives its reader itself."""
    shown = _payment(row, selectors.resolve_after(row))
    return {**shown, "client_secret": client_secret} if client_secret else shown


def _payment(row: TerminalPayment, resolve_after: datetime | None) -> dict[str, Any]:
    return {
        "id": str(row.pk),
        "status": row.status,
        "terminal_id": str(row.terminal_id),
        "transaction_id": row.external_id or None,
        "provider": row.provider,
        "amount": row.amount_minor,
        "amount_decimal": as_decimal(row.amount_minor, row.currency),
        "currency": row.currency,
        "amount_authorized": row.authorized_minor,
        "amount_tip": row.tip_minor,
        "amount_captured": row.captured_minor,
        "amount_refunded": row.refunded_minor,
        "capture_method": row.capture_method,
        "reference": row.reference or None,
        "metadata": row.metadata,
        "started_by": row.started_by or None,
        "resolve_after": moment(resolve_after),
        "decline": _why(row, is_decline=True),
        "not_started": _why(row, is_decline=False),
        "cancel_requested_at": moment(row.cancel_requested_at),
        "capture_before": moment(row.capture_before) if row.status in OPEN_STATUSES else None,
        "created_at": moment(row.created_at),
        "authorized_at": moment(row.authorized_at),
        "captured_at": moment(row.captured_at),
        "finished_at": moment(row.finished_at),
        "receipt": _receipt(row),
    }


def _why(row: TerminalPayment, *, is_decline: bool) -> dict[str, str] | None:
    """Say why a card was declined, or why the reader could not be started."""
    wanted = PaymentStatus.DECLINED if is_decline else PaymentStatus.REQUIRES_TERMINAL
    if row.status != wanted or (not is_decline and not row.decline_code):
        return None
    return {"code": wording.code_of(row), "message": wording.why(row)}


def _receipt(row: TerminalPayment) -> dict[str, Any] | None:
    """Show what a receipt says, once there is one."""
    if not receipts.is_ready(row):
        return None
    card: Mapping[str, Any] = row.card
    address = f"{settings.PUBLIC_URL}{reverse('terminal-payment-receipt', args=[row.pk])}"
    names = ("brand", "last4", "entry_mode", "verification", "application", "aid", "auth_code")
    return {
        "number": receipts.number_of(row),
        "taken_at": moment(row.captured_at),
        "amount": receipts.basket_minor(row),
        "tip": row.captured_minor - receipts.basket_minor(row),
        "total": row.captured_minor,
        "refunded": row.refunded_minor,
        "currency": row.currency,
        "amount_decimal": as_decimal(row.captured_minor, row.currency),
        "card": {**{name: card.get(name) or None for name in names}, "emv": card.get("emv", {})},
        "text_url": f"{address}?format=text",
        "pdf_url": f"{address}?format=pdf",
    }


def refund(debt: Obligation, row: TerminalPayment) -> dict[str, Any]:
    """Show what is given back, and what was by now."""
    return {
        "id": str(debt.pk),
        "payment_id": str(row.pk),
        "status": "succeeded" if debt.state == ObligationState.SETTLED else "unknown",
        "amount": debt.amount_minor,
        "amount_decimal": as_decimal(debt.amount_minor, debt.currency),
        "currency": debt.currency,
        "amount_refunded": row.refunded_minor,
        "resolve_after": moment(_asked_at(debt)),
    }


def _asked_at(debt: Obligation) -> datetime | None:
    undecided = debt.attempts.filter(state__in=[AttemptState.SENT, AttemptState.UNKNOWN])
    return undecided.values_list("resolve_after", flat=True).first()


def totals(row: Terminal, day: date, zone: str, rows: Iterable[DayTotals]) -> dict[str, Any]:
    """Show a reader's day, one entry for each currency."""
    return {
        "terminal_id": str(row.pk),
        "date": day.isoformat(),
        "time_zone": zone,
        "totals": [
            {
                "currency": found.currency,
                **_figures(found.total, found.currency),
                "by_brand": [
                    {"brand": brand or None, **_figures(figures, found.currency)}
                    for brand, figures in sorted(found.by_brand.items())
                ],
            }
            for found in rows
        ],
    }


def _figures(figures: Figures, currency: str) -> dict[str, Any]:
    return {
        "count": figures.count,
        "gross": figures.gross_minor,
        "tips": figures.tips_minor,
        "refunds": figures.refunds,
        "refunded": figures.refunded_minor,
        "net": figures.net_minor,
        "amount_decimal": as_decimal(figures.net_minor, currency),
    }


def delivery(message: Message) -> dict[str, Any]:
    """Show a mail with a receipt."""
    return {"to": message.to, "sent_at": moment(message.sent_at), "status": message.state}
