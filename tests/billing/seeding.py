"""The command that seeds the plans, for tests."""

import io
from typing import Any

from django.core.management import call_command


def seed(**options: Any) -> str:
    out = io.StringIO()
    call_command("seed_plans", stdout=out, stderr=out, **options)
    return out.getvalue()
