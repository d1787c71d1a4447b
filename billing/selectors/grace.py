"""Whose grace is over by now, or goes on after all, and has not been told yet."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import DateTimeField, DurationField, ExpressionWrapper, F, Q, Value

from billing.enums import AccessLevel, SubscriptionStatus
from billing.models import Subscription

_GRACE = ExpressionWrapper(
    F("plan_version__plan__grace_days") * Value(timedelta(days=1)), output_field=DurationField()
)
_ENDS_AT = ExpressionWrapper(
    F("past_due_since") + _GRACE + F("grace_extension"), output_field=DateTimeField()
)


def organizations_to_tell(*, now: datetime, after: UUID | None, limit: int) -> list[UUID]:
    """Return organizations whose access time or policy has changed, in the order of their ids.

    Most often grace has ended. When staff lengthens a plan's grace, it may have begun again.
    """
    ended = Q(ends_at__lte=now, organization__access_level=AccessLevel.GRACE)
    begun_again = Q(ends_at__gt=now, organization__access_level=AccessLevel.RESTRICTED)
    rows = (
        Subscription.objects.filter(status=SubscriptionStatus.PAST_DUE, is_free=False)
        .of_payer()
        .annotate(ends_at=_ENDS_AT)
        .filter(ended | begun_again)
    )
    if after is not None:
        rows = rows.filter(organization_id__gt=after)
    ids = rows.order_by("organization_id").values_list("organization_id", flat=True).distinct()
    return list(ids[:limit])
