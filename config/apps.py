"""The composition root, an app so that its checks and commands are found."""

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "config"
