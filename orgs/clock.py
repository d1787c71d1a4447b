"""The one business clock.

Periods, trials, reminders and deadlines ask `now(organization)`; signatures, tokens and leases use
wall time, because they protect against the outside world, which does not travel with us.
"""

from datetime import datetime
from typing import TYPE_CHECKING

from django.utils import timezone

if TYPE_CHECKING:
    from orgs.models import Organization


def now(organization: "Organization | None" = None) -> datetime:  # noqa: ARG001 - see docstring
    """Return the business time of an organization, UTC-aware.

    Every organization lives in wall time today. The argument is already required of callers so
    that a sandbox organization can get a clock of its own without touching them.
    """
    return timezone.now()
