"""Logging set-up."""

import logging.config
from typing import Any


def configure(options: dict[str, Any]) -> None:
    """Set up logging."""
    logging.basicConfig(level=options["level"])
