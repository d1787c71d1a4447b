"""When Stripe does not answer, or not as hoped: what is known to have happened afterwards.

Every write and every question of the driver meets every fault. The simulator's journal tells how
often something was really asked."""

import re
from typing import Any

import pytest

from billing.drivers.base import (
    DriverError,
    DriverRejected,
    DriverUnavailable,
    OutcomeUnknown,
)
from tests.billing import (
    stripe_cases,
    stripe_change_cases,
    stripe_coupon_cases,
    stripe_invoice_cases,
    stripe_listing_cases,
    stripe_payer_cases,
    stripe_terminal_cases,
)
from tests.billing.stripe_cases import Case
from tests.simulators.stripe.client import StripeSimulator

pytestmark = pytest.mark.usefixtures("short_pauses")

_CASES = (
    stripe_cases,
    stripe_change_cases,
    stripe_coupon_cases,
    stripe_invoice_cases,
    stripe_listing_cases,
    stripe_payer_cases,
    stripe_terminal_cases,
)
WRITES = {name: case for module in _CASES for name, case in module.WRITES.items()}
QUESTIONS = {name: case for module in _CASES for name, case in module.QUESTIONS.items()}


class Disturbed:
    """A prepared call whose request meets a fault."""

    def __init__(self, stripe: StripeSimulator, case: Case, fault: dict[str, Any]) -> None:
        self.stripe, self.case = stripe, case
        self.call = case.prepare(stripe)
        self.since = stripe.calls_so_far()
        stripe.add_fault(method=case.method, path=case.path, **fault)

    def fails(self) -> DriverError:
        """Make the call; return how it failed."""
        with pytest.raises(DriverError) as caught:
            self.call()
        return caught.value

    def times_asked(self) -> int:
        """Return how often the disturbed request arrived."""
        return sum(
            entry["method"] == self.case.method
            and re.search(self.case.path, entry["path"]) is not None
            for entry in self.stripe.requests(self.since)
        )


def kind_of(error: DriverError) -> type[DriverError]:
    """Return the exact class: a base class must not hide a wrong one."""
    return type(error)


IN_USE = {"type": "idempotency_error", "code": "idempotency_key_in_use", "message": "busy"}


@pytest.mark.parametrize("name", WRITES)
class TestWrites:
    @pytest.mark.parametrize(
        "fault",
        [
            {"status": 500},
            {"status": 503},
            {"status": 409, "error": IN_USE},
            {"action": "reset_before"},
            {"action": "reset_after"},
        ],
        ids=["500", "503", "409", "reset before", "reset after"],
    )
    def test_without_a_usable_answer_the_outcome_is_unknown(
        self, stripe: StripeSimulator, name: str, fault: dict[str, Any]
    ) -> None:
        disturbed = Disturbed(stripe, WRITES[name], fault)

        error = disturbed.fails()

        assert kind_of(error) is OutcomeUnknown
        assert error.code == "API_ERROR"
        assert disturbed.times_asked() == 1

    @pytest.mark.parametrize("action", ["timeout_before", "timeout_after"])
    def test_no_answer_in_time_is_never_a_no(
        self, stripe: StripeSimulator, settings: Any, name: str, action: str
    ) -> None:
        disturbed = Disturbed(stripe, WRITES[name], {"action": action})
        settings.STRIPE_READ_TIMEOUT_SECONDS = 0.2

        error = disturbed.fails()

        assert kind_of(error) is OutcomeUnknown
        assert error.detail == "AnswerTimedOut"
        assert disturbed.times_asked() == 1

    def test_too_many_requests_means_not_processed(
        self, stripe: StripeSimulator, name: str
    ) -> None:
        fault = {
            "status": 429,
            "error": {"type": "invalid_request_error", "code": "rate_limit", "message": "slow"},
            "headers": {"retry-after": "7"},
        }
        disturbed = Disturbed(stripe, WRITES[name], fault)

        error = disturbed.fails()

        assert kind_of(error) is DriverUnavailable
        assert (error.code, error.retry_after) == ("RATE_LIMIT", 7)
        assert disturbed.times_asked() == 1

    @pytest.mark.parametrize("status", [401, 403])
    def test_our_own_misconfiguration_is_not_the_payers_fault(
        self, stripe: StripeSimulator, name: str, status: int, caplog: pytest.LogCaptureFixture
    ) -> None:
        fault = {"status": status, "error": {"type": "invalid_request_error", "message": "sk_x"}}
        disturbed = Disturbed(stripe, WRITES[name], fault)

        error = disturbed.fails()

        assert kind_of(error) is DriverUnavailable
        assert (error.code, error.detail) == ("API_ERROR", "not_allowed")
        assert [record.message for record in caplog.records if record.levelname == "ERROR"] == [
            "stripe.not_allowed"
        ]

    def test_a_declined_card(self, stripe: StripeSimulator, name: str) -> None:
        error_body = {
            "type": "card_error",
            "code": "expired_card",
            "decline_code": "expired_card",
            "message": "Your card 4242 has expired.",
        }
        disturbed = Disturbed(stripe, WRITES[name], {"status": 402, "error": error_body})

        error = disturbed.fails()

        assert kind_of(error) is DriverRejected
        assert (error.code, error.detail) == ("CARD_DECLINED", "expired_card")
        assert error.decline_code == "expired_card"
        assert "4242" not in str(error)


@pytest.mark.parametrize("name", QUESTIONS)
class TestQuestions:
    @pytest.mark.parametrize(
        "fault",
        [{"status": 500}, {"status": 429}, {"action": "reset_before"}, {"action": "reset_after"}],
        ids=["500", "429", "reset before", "reset after"],
    )
    def test_are_asked_again(
        self, stripe: StripeSimulator, name: str, fault: dict[str, Any]
    ) -> None:
        disturbed = Disturbed(stripe, QUESTIONS[name], {**fault, "times": 2})

        assert disturbed.call()

        assert disturbed.times_asked() >= 3

    def test_are_asked_three_times_at_most(self, stripe: StripeSimulator, name: str) -> None:
        disturbed = Disturbed(stripe, QUESTIONS[name], {"status": 500, "times": -1})

        error = disturbed.fails()

        assert kind_of(error) is DriverUnavailable
        assert (error.code, error.detail) == ("API_ERROR", "api_error")
        assert disturbed.times_asked() == 3

    def test_are_not_repeated_when_told_to_wait(self, stripe: StripeSimulator, name: str) -> None:
        fault = {"status": 429, "times": -1, "headers": {"retry-after": "7"}}
        disturbed = Disturbed(stripe, QUESTIONS[name], fault)

        error = disturbed.fails()

        assert kind_of(error) is DriverUnavailable
        assert (error.code, error.retry_after) == ("RATE_LIMIT", 7)
        assert disturbed.times_asked() == 1

    def test_are_not_repeated_after_a_time_out(
        self, stripe: StripeSimulator, settings: Any, name: str
    ) -> None:
        disturbed = Disturbed(stripe, QUESTIONS[name], {"action": "timeout_before", "times": -1})
        settings.STRIPE_READ_TIMEOUT_SECONDS = 0.2

        error = disturbed.fails()

        assert kind_of(error) is DriverUnavailable
        assert disturbed.times_asked() == 1

    @pytest.mark.parametrize("status", [401, 403])
    def test_are_not_repeated_when_we_may_not_ask(
        self, stripe: StripeSimulator, name: str, status: int
    ) -> None:
        disturbed = Disturbed(stripe, QUESTIONS[name], {"status": status, "times": -1})

        error = disturbed.fails()

        assert kind_of(error) is DriverUnavailable
        assert (error.code, error.detail) == ("API_ERROR", "not_allowed")
        assert disturbed.times_asked() == 1
