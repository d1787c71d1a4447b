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
        from terminals.services import asking, news, refunding  # noqa: PLC0415 - as above

        handlers.register_subject(news.SUBJECT, news)
        for type_ in refunding.EVENTS:
            handlers.register(type_, refunding.keep_in_step)
        asker = resolve.Asker(asking.ask, asking.end_unsent, asking.LONGEST_PAUSE_S)
        resolve.register(ObligationKind.TERMINAL, asker)
