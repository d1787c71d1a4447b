"""Outgoing mail: knows organizations, not billing."""

from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "notifications"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register for what needs a mail in the layer below."""
        from notifications.handlers import mail_invitation  # noqa: PLC0415 - needs the models
        from orgs import handlers  # noqa: PLC0415 - with the one above

        handlers.register(mail_invitation)
