"""How a trigger of Stripe's CLI is judged (the CLI itself only runs with `make stripe-cli`)."""

from tests.simulators.stripe_cli.judging import Verdict, judge, reason_of
from tests.simulators.stripe_cli.tool import Ran

REFUSED = """Setting up fixture for: coupon
Trigger failed: Request failed, status=400, body={
  "error": {"message": "Received unknown parameter: coupon", "param": "coupon"}
}
"""
NAME = "customer.created"


def verdict(ran: Ran, *sent: str, refusal: str | None = None) -> Verdict:
    return judge(NAME, ran, sent, wanted=NAME, refusal=refusal)


class TestJudge:
    def test_is_content_when_the_event_came(self) -> None:
        assert verdict(Ran(0, ""), "price.created", NAME) == Verdict(NAME, "ok")

    def test_is_not_content_with_another_event(self) -> None:
        found = verdict(Ran(0, ""), "price.created")

        assert (found.outcome, found.reason) == ("FAILED", "only sent price.created")
        assert not found.good

    def test_takes_the_known_refusal_and_no_other(self) -> None:
        known = verdict(Ran(1, REFUSED), refusal="unknown parameter: coupon")
        other = verdict(Ran(1, REFUSED), refusal="unknown parameter: iterations")
        unexpected = verdict(Ran(1, REFUSED))

        assert [known.outcome, other.outcome, unexpected.outcome] == ["refused", "FAILED", "FAILED"]
        assert known.reason == "Received unknown parameter: coupon (coupon)"

    def test_wants_the_refusal_where_one_is_right(self) -> None:
        found = verdict(Ran(0, ""), NAME, refusal="unknown parameter")

        assert (found.outcome, found.reason) == ("FAILED", "was to be refused: unknown parameter")


class TestReasonOf:
    def test_is_the_last_line_when_there_is_no_error_object(self) -> None:
        assert reason_of("Setting up\nTrigger failed: body={broken\n") == (
            "Trigger failed: body={broken"
        )
        assert reason_of("\nfailed\n\n") == "failed"
        assert reason_of("") == "no output"
