"""Ending grace on time, although no webhook and no request says so."""

import logging
from datetime import datetime
from uuid import UUID

from django.db import transaction

from billing.selectors import grace
from billing.services import standing
from billing.types import Cause
from orgs.models import Organization

BATCH = 100

logger = logging.getLogger(__name__)


def end_grace(*, now: datetime, batch: int = BATCH) -> int:
    """Restrict whoever did not pay within the grace of the plan; say how many changed.

    What the API and the pages say never waits for this: they go by the time. Here it is written
    down, with its line on the timeline.
    """
    cause = Cause("sweep", detail="the grace period of the plan")
    changed, last = 0, None
    while ids := grace.organizations_to_tell(now=now, after=last, limit=batch):
        changed += sum(_tell(organization_id, cause, now) for organization_id in ids)
        last = ids[-1]
    return changed


def _tell(organization_id: UUID, cause: Cause, now: datetime) -> bool:
    try:
        return _judge(organization_id, cause, now)
    except Exception:  # one organization in trouble must not keep the others waiting
        logger.exception("access.not_judged", extra={"org": str(organization_id)})
        return False


def _judge(organization_id: UUID, cause: Cause, now: datetime) -> bool:
    """Look again under the lock: a payment may have come in between; say whether it changed."""
    with transaction.atomic():
        organization = (
            Organization.objects.select_for_update(no_key=True, skip_locked=True)
            .filter(pk=organization_id)
            .first()
        )
        if organization is None:  # somebody is at it right now, and judges as well
            return False
        line = organization.access_event_id
        standing.refresh_organization(organization, cause=cause, now=now)
    return organization.access_event_id != line
