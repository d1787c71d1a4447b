"""Addresses of the pages of card readers."""

from django.urls import path

from terminals.pages import money, payments, readers

_LIST = "settings/terminals"
_PAYMENT = f"{_LIST}/payments/<str:payment_id>"
_READER = f"{_LIST}/readers/<str:terminal_id>"

urlpatterns = [
    path(_LIST, readers.ReadersPage.as_view(), name="terminals-page"),
    path(f"{_LIST}/state", readers.ReadersStatePage.as_view(), name="terminals-page-state"),
    path(_PAYMENT, payments.PaymentPage.as_view(), name="terminal-payment-page"),
    path(
        f"{_PAYMENT}/state",
        payments.PaymentStatePage.as_view(),
        name="terminal-payment-page-state",
    ),
    path(f"{_PAYMENT}/receipt", payments.ReceiptPage.as_view(), name="terminal-receipt-page"),
    path(f"{_PAYMENT}/send", payments.SendPage.as_view(), name="terminal-receipt-send-page"),
    path(f"{_PAYMENT}/cancel", payments.CancelPage.as_view(), name="terminal-cancel-page"),
    path(f"{_PAYMENT}/capture", money.CapturePage.as_view(), name="terminal-capture-page"),
    path(f"{_PAYMENT}/refund", money.RefundPage.as_view(), name="terminal-refund-page"),
    path(_READER, readers.ReaderPage.as_view(), name="terminal-page"),
    path(f"{_READER}/remove", readers.RemovePage.as_view(), name="terminal-remove-page"),
    path(f"{_READER}/release", readers.ReleasePage.as_view(), name="terminal-release-page"),
]
