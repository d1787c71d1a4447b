"""Subscription schedules of a customer, which begin a subscription."""

from typing import Any

from tests.simulators.stripe.client import StripeSimulator
from tests.simulators.stripe.periods import DAY


class TestOfACustomer:
    def test_begins_the_subscription_now(
        self, v1: Any, customer: Any, price: Any, card: Any
    ) -> None:
        schedule = v1.subscription_schedules.create(
            {
                "customer": customer.id,
                "start_date": "now",
                "phases": [{"items": [{"price": price.id}]}],
                "expand": ["subscription"],
            }
        )

        assert (schedule.status, schedule.subscription.status) == ("active", "active")
        assert schedule.subscription.schedule == schedule.id

    def test_begins_the_subscription_later(
        self, simulator: StripeSimulator, v1: Any, customer: Any, price: Any, card: Any
    ) -> None:
        schedule = v1.subscription_schedules.create(
            {
                "customer": customer.id,
                "start_date": simulator.now() + 5 * DAY,
                "phases": [
                    {
                        "items": [{"price": price.id}],
                        "duration": {"interval": "month", "interval_count": 2},
                    }
                ],
                "end_behavior": "cancel",
            }
        )
        assert (schedule.status, schedule.subscription) == ("not_started", None)
        assert simulator.objects("subscription") == []

        simulator.advance(5 * DAY + 60)
        assert v1.subscription_schedules.retrieve(schedule.id).status == "active"
        simulator.advance(65 * DAY)

        (made,) = simulator.objects("subscription")
        assert made["status"] == "canceled"
        assert len(simulator.objects("invoice")) == 2
