"""A billing provider of our own, for gateways that only move money and for none at all."""

from django.apps import AppConfig


class EngineConfig(AppConfig):
    name = "billing.engine"
    label = "engine"
    verbose_name = "Billing engine"
    default_auto_field = "django.db.models.BigAutoField"
