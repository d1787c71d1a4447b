"""Addresses of readers and of payments in person, below `/api/v1/`."""

from orgs.api.routes import endpoint
from terminals.api.payments import (
    CancelView,
    CaptureView,
    PaymentIntentView,
    PaymentsView,
    PaymentView,
    ProcessView,
    RefundsView,
)
from terminals.api.readers import ConnectionTokenView, TerminalsView, TerminalView, TotalsView
from terminals.api.receipt import ReceiptSendView, ReceiptView

_READER = "terminals/<str:terminal_id>"
_PAYMENT = "payments/terminal/<str:payment_id>"

urlpatterns = [
    *endpoint("terminals", TerminalsView, name="terminals"),
    *endpoint(_READER, TerminalView, name="terminal"),
    *endpoint(f"{_READER}/connection-token", ConnectionTokenView, name="terminal-connection-token"),
    *endpoint(f"{_READER}/totals", TotalsView, name="terminal-totals"),
    *endpoint("payments/terminal", PaymentsView, name="terminal-payments"),
    *endpoint("payments/terminal/intent", PaymentIntentView, name="terminal-payment-intent"),
    *endpoint(_PAYMENT, PaymentView, name="terminal-payment"),
    *endpoint(f"{_PAYMENT}/process", ProcessView, name="terminal-payment-process"),
    *endpoint(f"{_PAYMENT}/capture", CaptureView, name="terminal-payment-capture"),
    *endpoint(f"{_PAYMENT}/cancel", CancelView, name="terminal-payment-cancel"),
    *endpoint(f"{_PAYMENT}/refunds", RefundsView, name="terminal-payment-refunds"),
    *endpoint(f"{_PAYMENT}/receipt", ReceiptView, name="terminal-payment-receipt"),
    *endpoint(f"{_PAYMENT}/receipt/send", ReceiptSendView, name="terminal-payment-receipt-send"),
]
