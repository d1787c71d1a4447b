"""A process's own database and Redis database, for runs outside pytest."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def move_in(name: str) -> None:
    """Set this process up with a fresh clone of the migrated template, and load Django.

    The servers are those named by DATABASE_URL and REDIS_URL, or the tests' own.
    """
    import django  # noqa: PLC0415 - only once the environment is complete

    from config import embedded, template_database  # noqa: PLC0415 - same

    state_dir = ROOT / "var" / "test"
    given = os.environ.get("DATABASE_URL", ""), os.environ.get("REDIS_URL", "")
    if all(given):
        state_dir.mkdir(parents=True, exist_ok=True)
        services = embedded.Services(*given, state_dir)
    else:
        services = embedded.acquire(state_dir, durable=False)
    os.environ["TILL_ENV"] = "test"
    os.environ["DATABASE_URL"] = template_database.clone_for_tests(services, name)
    os.environ["REDIS_URL"] = services.redis_url
    os.environ["BILLING_EVENTS_REDIS_URL"] = ""
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings_test"
    django.setup()
