"""Subscription schedules: phases that take effect by the clock."""

from typing import Any

import pytest
import stripe

from tests.simulators.conftest import new_price
from tests.simulators.stripe.client import StripeSimulator
from tests.simulators.stripe.periods import DAY


class Plan:
    """A subscription of two seats with a schedule, halfway through its month."""

    def __init__(self, simulator: StripeSimulator, v1: Any, customer: Any, price: Any) -> None:
        self.simulator, self.v1, self.customer, self.price = simulator, v1, customer, price
        made = v1.subscriptions.create(
            {"customer": customer.id, "items": [{"price": price.id, "quantity": 2}]}
        )
        self.id = made.id
        self.item = made["items"].data[0]
        self.end = self.item.current_period_end
        simulator.advance(14 * DAY)
        self.schedule = v1.subscription_schedules.create({"from_subscription": made.id})

    def now_phase(self, **more: Any) -> dict[str, Any]:
        return {
            "items": [{"price": self.price.id, "quantity": 2}],
            "start_date": self.item.current_period_start,
            "end_date": self.end,
            **more,
        }

    def plan(self, *phases: dict[str, Any], **more: Any) -> Any:
        return self.v1.subscription_schedules.update(
            self.schedule.id, {"phases": [self.now_phase(), *phases], **more}
        )

    def subscription(self) -> Any:
        return self.v1.subscriptions.retrieve(self.id, {"expand": ["latest_invoice"]})

    def pass_the_end(self) -> None:
        self.simulator.advance(self.end - self.simulator.now() + 7200)


@pytest.fixture
def planned(simulator: StripeSimulator, v1: Any, customer: Any, price: Any, card: Any) -> Plan:
    return Plan(simulator, v1, customer, price)


class TestTakingOver:
    def test_has_the_running_period_as_its_phase(self, planned: Plan) -> None:
        schedule = planned.schedule

        assert (schedule.status, schedule.subscription) == ("active", planned.id)
        assert schedule.current_phase.end_date == planned.end
        assert [item.quantity for item in schedule.phases[0]["items"]] == [2]
        assert planned.subscription().schedule == schedule.id
        assert len(planned.simulator.events("subscription_schedule.created")) == 1

    def test_is_refused_twice(self, planned: Plan) -> None:
        with pytest.raises(stripe.InvalidRequestError, match="already attached"):
            planned.v1.subscription_schedules.create({"from_subscription": planned.id})

    def test_cancellation_is_the_schedules_business_then(self, planned: Plan) -> None:
        with pytest.raises(stripe.InvalidRequestError, match="managed by the subscription sched"):
            planned.v1.subscriptions.update(planned.id, {"cancel_at_period_end": True})

    def test_items_changed_directly_change_the_running_phase(self, planned: Plan) -> None:
        planned.v1.subscriptions.update(
            planned.id, {"items": [{"id": planned.item.id, "quantity": 5}]}
        )

        kept = planned.v1.subscription_schedules.retrieve(planned.schedule.id)
        assert kept.phases[0]["items"][0].quantity == 5
        assert len(planned.simulator.events("subscription_schedule.updated")) == 1


class TestPhases:
    def test_a_smaller_price_begins_with_the_next_period(self, planned: Plan) -> None:
        cheap = new_price(planned.v1, planned.price, 900)
        later = {"items": [{"price": cheap.id, "quantity": 1}], "proration_behavior": "none"}
        planned.plan(later)
        assert planned.subscription()["items"].data[0].price.id == planned.price.id
        preview = planned.v1.invoices.create_preview({"subscription": planned.id})

        planned.pass_the_end()

        changed = planned.subscription()
        item = changed["items"].data[0]
        assert (item.id, item.price.id, item.quantity) == (planned.item.id, cheap.id, 1)
        assert [line.amount for line in changed.latest_invoice.lines.data] == [900]
        assert changed.latest_invoice.amount_paid == preview.total == 900
        assert changed.latest_invoice.billing_reason == "subscription_cycle"
        assert planned.simulator.objects("invoiceitem") == []

    def test_a_year_after_the_month_begins_at_its_end(self, planned: Plan) -> None:
        yearly = new_price(planned.v1, planned.price, 29_000, "year")
        planned.plan(
            {
                "items": [{"price": yearly.id, "quantity": 2}],
                "duration": {"interval": "year", "interval_count": 1},
            }
        )

        planned.pass_the_end()

        changed = planned.subscription()
        item = changed["items"].data[0]
        assert item.current_period_start == changed.billing_cycle_anchor == planned.end
        assert item.current_period_end - planned.end in (365 * DAY, 366 * DAY)
        assert changed.latest_invoice.total == 58_000

    def test_lets_go_after_the_last_phase(self, planned: Plan) -> None:
        cheap = new_price(planned.v1, planned.price, 900)
        planned.plan({"items": [{"price": cheap.id}]}, metadata={"why": "smaller"})

        planned.pass_the_end()
        assert planned.subscription().schedule == planned.schedule.id
        planned.simulator.advance(32 * DAY)

        ended = planned.v1.subscription_schedules.retrieve(planned.schedule.id)
        assert (ended.status, ended.released_subscription) == ("released", planned.id)
        assert (ended.subscription, ended.current_phase) == (None, None)
        assert planned.subscription().schedule is None
        assert planned.subscription().status == "active"
        assert planned.subscription().latest_invoice.total == 900
        assert len(planned.simulator.events("subscription_schedule.released")) == 1
        assert len(planned.simulator.events("subscription_schedule.expiring")) == 1

    def test_cancels_after_the_last_phase_if_asked_to(self, planned: Plan) -> None:
        planned.plan(end_behavior="cancel")

        planned.pass_the_end()

        assert planned.subscription().status == "canceled"
        assert planned.v1.subscription_schedules.retrieve(planned.schedule.id).status == "completed"
        assert len(planned.simulator.objects("invoice")) == 1

    def test_a_phase_in_the_middle_of_a_period_is_prorated(self, planned: Plan) -> None:
        start = planned.simulator.now() + 3 * DAY
        planned.v1.subscription_schedules.update(
            planned.schedule.id,
            {
                "phases": [
                    planned.now_phase(end_date=start),
                    {
                        "items": [{"price": planned.price.id, "quantity": 4}],
                        "proration_behavior": "always_invoice",
                        "metadata": {"phase": "two"},
                    },
                ]
            },
        )

        planned.simulator.advance(3 * DAY + 60)

        changed = planned.subscription()
        length = planned.end - planned.item.current_period_start
        share = round(2 * 2900 * (planned.end - start) / length)
        assert changed["items"].data[0].quantity == 4
        assert changed.metadata.phase == "two"
        assert changed.latest_invoice.amount_paid == pytest.approx(share, abs=1)

    def test_changing_the_running_phase_takes_effect_at_once(self, planned: Plan) -> None:
        planned.v1.subscription_schedules.update(
            planned.schedule.id,
            {
                "phases": [planned.now_phase(items=[{"price": planned.price.id, "quantity": 3}])],
                "proration_behavior": "always_invoice",
            },
        )

        assert planned.subscription()["items"].data[0].quantity == 3
        assert planned.subscription().latest_invoice.billing_reason == "subscription_update"

    def test_the_running_phase_has_to_be_among_them(self, planned: Plan) -> None:
        lost = planned.now_phase(start_date=planned.simulator.now() + DAY)

        with pytest.raises(stripe.InvalidRequestError) as refused:
            planned.v1.subscription_schedules.update(planned.schedule.id, {"phases": [lost]})

        assert refused.value.param == "phases"

    def test_the_first_phase_has_to_say_when_it_starts(self, planned: Plan) -> None:
        bare = {"items": [{"price": planned.price.id}]}

        with pytest.raises(stripe.InvalidRequestError) as refused:
            planned.v1.subscription_schedules.update(planned.schedule.id, {"phases": [bare]})

        assert refused.value.param == "phases[0][start_date]"


class TestDiscounts:
    def coupon(self, planned: Plan) -> str:
        made = planned.v1.coupons.create({"percent_off": 50, "duration": "forever", "id": "HALF"})
        return str(made.id)

    def test_of_a_phase_hold_in_it(self, planned: Plan) -> None:
        planned.plan(
            {
                "items": [{"price": planned.price.id, "quantity": 2}],
                "discounts": [{"coupon": self.coupon(planned)}],
            }
        )

        planned.pass_the_end()

        bill = planned.subscription().latest_invoice
        assert (bill.subtotal, bill.total) == (5800, 2900)

    @pytest.mark.parametrize(("kept", "total"), [(True, 2900), (False, 5800)])
    def test_end_with_a_phase_that_does_not_name_them(
        self, planned: Plan, *, kept: bool, total: int
    ) -> None:
        planned.v1.subscription_schedules.release(planned.schedule.id)
        running = planned.v1.subscriptions.update(
            planned.id, {"discounts": [{"coupon": self.coupon(planned)}]}
        ).discounts[0]
        planned.schedule = planned.v1.subscription_schedules.create(
            {"from_subscription": planned.id}
        )
        assert planned.schedule.phases[0].discounts[0].discount == running
        now = planned.now_phase(discounts=[{"discount": running}])
        later = {"items": [{"price": planned.price.id, "quantity": 2}]}
        if kept:
            later["discounts"] = [{"discount": running}]
        planned.v1.subscription_schedules.update(planned.schedule.id, {"phases": [now, later]})

        planned.pass_the_end()

        assert planned.subscription().latest_invoice.total == total


class TestLettingGo:
    def test_keeps_the_subscription_and_forgets_the_plan(self, planned: Plan) -> None:
        cheap = new_price(planned.v1, planned.price, 900)
        planned.plan({"items": [{"price": cheap.id}]})

        released = planned.v1.subscription_schedules.release(planned.schedule.id)
        planned.pass_the_end()

        assert (released.status, released.released_subscription) == ("released", planned.id)
        assert planned.subscription().schedule is None
        assert planned.subscription().latest_invoice.total == 5800
        with pytest.raises(stripe.InvalidRequestError, match="`released` status"):
            planned.v1.subscription_schedules.release(planned.schedule.id)

    def test_canceling_ends_the_subscription_with_its_credit(self, planned: Plan) -> None:
        canceled = planned.v1.subscription_schedules.cancel(planned.schedule.id)

        assert canceled.status == "canceled"
        assert planned.subscription().status == "canceled"
        assert planned.v1.customers.retrieve(planned.customer.id).balance < 0

    def test_ending_the_subscription_cancels_the_schedule(self, planned: Plan) -> None:
        planned.v1.subscriptions.cancel(planned.id)

        assert planned.v1.subscription_schedules.retrieve(planned.schedule.id).status == "canceled"
        assert len(planned.simulator.events("subscription_schedule.canceled")) == 1
