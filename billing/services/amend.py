"""Changing several things of a subscription at once."""

import dataclasses
from datetime import datetime

from billing.enums import Effective
from billing.errors import NotPossibleNow
from billing.models import Subscription
from billing.selectors import subscriptions
from billing.services import changes, endings, payers
from billing.services.quotes import Wanted
from billing.types import Cause
from orgs.errors import NotFound
from orgs.models import Organization


@dataclasses.dataclass(frozen=True, slots=True)
class Amendment:
    """What is to be different; None and empty leave things as they are."""

    wanted: Wanted | None = None
    quote_id: object = None
    auto_renew: bool | None = None
    billing_email: str = ""


def amend_subscription(
    *, organization: Organization, amendment: Amendment, cause: Cause, now: datetime
) -> changes.Changed:
    """Do what is asked: first what may be refused, so that nothing else is done then.

    A subscription that is to go on is kept first, because one that ends can't be changed.

    Raises:
        NotFound: there is none.
        DomainError: whatever changing, ending or resuming raises.
    """
    row = _current(organization)
    result = changes.Changed(row)
    if amendment.auto_renew and not row.auto_renew:
        row = endings.resume_subscription(organization=organization, cause=cause, now=now)
        result = changes.Changed(row)
    if amendment.wanted is not None:
        result = changes.change_subscription(
            organization=organization,
            wanted=amendment.wanted,
            quote_id=amendment.quote_id,
            cause=cause,
            now=now,
        )
    if amendment.billing_email:
        payers.change_billing_email(
            subscription=result.subscription, email=amendment.billing_email, cause=cause, now=now
        )
        result.subscription.refresh_from_db()
    if amendment.auto_renew is False and row.auto_renew:
        row = endings.cancel_subscription(
            organization=organization, mode=Effective.PERIOD_END, cause=cause, now=now
        )
        result = dataclasses.replace(result, subscription=row)
    return result


def _current(organization: Organization) -> Subscription:
    row = subscriptions.current(organization)
    if row is None or row.is_final:
        raise NotFound
    if not row.is_live and not row.is_free:
        raise NotPossibleNow("The first payment is not finished yet.")
    return row
