"""Plans, subscriptions, payments, and the providers behind them."""

from django.apps import AppConfig
from django.core import checks


class BillingConfig(AppConfig):
    name = "billing"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register what drivers want checked, and what goes with the mails of invoices."""
        from billing.drivers.stripe.checks import check_stripe  # noqa: PLC0415 - needs settings
        from billing.services import invoice_files, invoice_mail  # noqa: PLC0415 - need the models
        from notifications import attachments  # noqa: PLC0415 - with the ones above

        checks.register(check_stripe)
        for kind in (invoice_mail.INVOICE, invoice_mail.PAYMENT_FAILED):
            attachments.register(kind, invoice_files.attach_invoice)
