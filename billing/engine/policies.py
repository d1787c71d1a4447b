"""Which dunning policy holds for what is sold."""

from billing.engine import dunning_policy
from billing.engine.dunning_policy import Policy
from billing.engine.models import DunningPolicy
from billing.models import Plan
from billing.models.plans import DEFAULT_GRACE_DAYS


def policy_of(plan: Plan | None) -> Policy:
    """Return the policy of a plan: its own, else the default, else the one of the house.

    One that contradicts the plan's grace by now (both were changed at once) still holds, as far as
    it can: nobody is tried more often than any policy may.
    """
    row = _row_of(plan)
    grace = plan.grace_days if plan else DEFAULT_GRACE_DAYS
    return row.for_grace(grace) if row else _of_the_house(grace)


def complaints_about_grace(plan: Plan, grace_days: int) -> list[str]:
    """Return what contradicts in the policy of a plan if it had another grace."""
    row = _row_of(plan)
    if row is None:
        return []
    found = dunning_policy.contradictions(row.for_grace(grace_days))
    return [f"{row}: {words}" for all_ in found.values() for words in all_]


def _of_the_house(grace_days: int) -> Policy:
    """Return what holds where nobody chose: with the notices that come before the restriction."""
    notices = tuple(day for day in Policy().notice_days if day < grace_days)
    return Policy(notice_days=notices, grace_days=grace_days)


def _row_of(plan: Plan | None) -> DunningPolicy | None:
    rows = DunningPolicy.objects.all()
    own = rows.filter(plan_rows__plan=plan).first() if plan else None
    return own or rows.filter(is_default=True).first()
