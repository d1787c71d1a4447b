#!/usr/bin/env python
"""Django's command line."""

import os
import sys
from pathlib import Path

import environ


def main() -> None:
    """Run an administrative task."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    dotenv = Path(__file__).resolve().parent / ".env"
    if dotenv.exists():
        environ.Env.read_env(dotenv)
    # A fresh clone just works; whoever names a database has to say what kind of place it is.
    if not (os.environ.get("TILL_ENV") or os.environ.get("DATABASE_URL")):
        os.environ["TILL_ENV"] = "development"

    from django.core.management import execute_from_command_line  # noqa: PLC0415 - needs settings

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
