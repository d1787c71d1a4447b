"""What a comparison of everything finds after a journey: nothing, if all went as it should."""

from datetime import timedelta

from billing.enums import Provider
from billing.models import Difference
from billing.services import reconcile
from billing.services.reconcile_session import Limits
from billing.types.differences import Scope
from tests.journeys.months import Months

# As far back as any journey goes, and without waiting.
_ALL = Limits(calls=10_000, per_second=1_000_000, history_days=2000)


def differences(months: Months) -> list[tuple[str, str]]:
    """Compare provider and rows once everything is quiet; return what differs, by kind and id."""
    months.until(months.now + timedelta(hours=1))
    for scope in Scope:
        run = reconcile.reconcile_provider(
            provider=Provider.STRIPE,
            scope=scope,
            now=months.now + timedelta(hours=1),
            limits=_ALL,
        )
        assert (run.state, run.error, run.postponed) == ("done", "", 0)
    return list(Difference.objects.values_list("kind", "external_id"))
