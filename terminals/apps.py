"""Card readers and payments in person."""

from django.apps import AppConfig


class TerminalsConfig(AppConfig):
    name = "terminals"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register for what billing learns of payments in person."""
        from billing import handlers  # noqa: PLC0415 - needs the models
        from billing.enums import ObligationKind  # noqa: PLC0415 - as above
        from billing.services import resolve  # noqa: PLC0415 - as above
        from notifications import attachments, catalog  # noqa: PLC0415 - as above
        from terminals.services import (  # noqa: PLC0415 - as above
            asking,
            concluding,
            news,
            receipt_mail,
            refunding,
        )

        handlers.register_subject(news.SUBJECT, news)
        handlers.register_refunded(refunding.keep_in_step)
        attachments.register(catalog.TERMINAL_RECEIPT.kind, receipt_mail.attach)
        asker = resolve.Asker(asking.ask, asking.end_unsent, concluding.LOOK_AGAIN_AFTER_S)
        resolve.register(ObligationKind.TERMINAL, asker)
