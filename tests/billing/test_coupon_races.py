"""Several payers who reach for the last use of a coupon, or one payer for two trials, at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection, transaction

from billing.enums import AttemptKind, Provider
from billing.models import CouponRedemption, Price, Subscription
from billing.selectors import coupons as reading
from billing.services import coupons, customers, starts
from orgs import clock
from orgs.errors import DomainError
from orgs.models import Organization
from tests.billing.builders import make_organization, make_price
from tests.billing.coupon_steps import make_coupon
from tests.billing.trial_steps import make_trial_price
from tests.simulators.stripe.client import StripeSimulator

pytestmark = pytest.mark.django_db(transaction=True)

PAYERS = 6


def at_once(calls: list[Callable[[], Any]]) -> list[Any]:
    """Run calls in threads that begin together; return results and refusals."""
    barrier = Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        try:
            barrier.wait(10)
            return call()
        except DomainError as error:
            return type(error)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def begin(
    organization: Organization, price: Price, coupon: coupons.Applicable | None = None
) -> Callable[[], Subscription]:
    """Return the transaction that writes a start."""

    def write() -> Subscription:
        start = starts.Start(
            customer=customers.get_or_create_customer(
                organization=organization, provider=Provider.STRIPE
            ),
            price=price,
            seats=1,
            kind=AttemptKind.CARD,
            coupon=coupon,
        )
        with transaction.atomic():
            return starts.write_start(organization=organization, start=start, now=clock.now())[0]

    return write


def test_only_as_many_payers_get_a_coupon_as_there_are_uses(stripe: StripeSimulator) -> None:
    coupon, price = make_coupon(max_redemptions=2), make_price("race")
    payers = [make_organization(f"Racer{number}") for number in range(PAYERS)]
    found = [
        coupons.find_coupon(code=coupon.code, price=price, organization=payer, now=clock.now())
        for payer in payers
    ]

    results = at_once([begin(payer, price, one) for payer, one in zip(payers, found, strict=True)])

    won = [result for result in results if isinstance(result, Subscription)]
    assert len(won) == 2
    assert results.count(coupons.CouponRefused) == PAYERS - 2
    assert reading.uses(coupon) == CouponRedemption.objects.filter(coupon=coupon).count() == 2
    # Whoever was refused has no row left over.
    assert Subscription.objects.filter(organization__in=payers).count() == 2


def test_of_two_starts_of_one_payer_one_is_written_with_its_trial(stripe: StripeSimulator) -> None:
    organization, price = make_organization("Twice"), make_trial_price()

    results = at_once([begin(organization, price) for _ in range(2)])

    won = [result for result in results if isinstance(result, Subscription)]
    assert [row.trial_days for row in won] == [14]
    assert Subscription.objects.filter(organization=organization).count() == 1
