"""The composition root, an app so that its checks and commands are found."""

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "config"

    def ready(self) -> None:
        """Make our Celery app the current one, in every process that can queue a job.

        The import of `checks` registers them.
        """
        from config import celery, checks  # noqa: F401, PLC0415 - apps must be loaded first

        celery.app.set_default()
