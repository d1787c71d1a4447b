"""The dunning policy: contradictions, the timeline, and what each kind of decline leads to."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.engine import dunning_policy
from billing.engine.dunning_policy import Ask, Mark, MarkKind, Overdue, Policy
from billing.engine.rails import DeclineKind

FAILED_AT = datetime(2026, 6, 1, 12, tzinfo=UTC)
DEFAULT = Policy()
ENDING = Policy(last_notice_day=25, cancel_day=28)


def day(number: float) -> datetime:
    return FAILED_AT + timedelta(days=number)


def overdue(kind: DeclineKind | None = DeclineKind.SOFT, **given_: Any) -> Overdue:
    what = {"since": FAILED_AT, "last_tried_at": FAILED_AT, "kind": kind, "declines": 1}
    return Overdue(**(what | given_))


class TestContradictions:
    @pytest.mark.parametrize(
        "policy",
        [DEFAULT, ENDING, Policy((), (), 0), Policy((1, 2, 3, 4), (0, 5), 6, 6, 7)],
        ids=["default", "with an end", "nothing at all", "one a day"],
    )
    def test_a_policy_that_can_be_meant_has_none(self, policy: Policy) -> None:
        assert dunning_policy.contradictions(policy) == {}

    @pytest.mark.parametrize(
        ("policy", "field", "words"),
        [
            (Policy((1, 2, 3, 4, 5)), "retry_days", "At most 4 automatic tries, these are 5."),
            (Policy((0, 3)), "retry_days", "at least 24 hours after the failure"),
            (Policy((3, 3)), "retry_days", "never two tries within 24 hours"),
            (Policy((5, 3)), "retry_days", "in order"),
            (Policy((1, 31)), "retry_days", "No try after day 30"),
            (Policy((10,), cancel_day=10), "retry_days", "comes after the end on day 10"),
            (Policy(notice_days=(7,)), "notice_days", "after the restriction on day 7"),
            (Policy(notice_days=(-1,)), "notice_days", "on day 0 or later"),
            (Policy(notice_days=(3, 3)), "notice_days", "one notice a day"),
            (Policy((1,), (), 7, None, 7), "cancel_day", "before access is restricted on day 7"),
            (Policy(cancel_day=366), "cancel_day", "At most 365 days"),
            (Policy(last_notice_day=9), "last_notice_day", "there is none"),
            (Policy(last_notice_day=9, cancel_day=9), "last_notice_day", "after the end on day 9"),
            (Policy(last_notice_day=6, cancel_day=9), "last_notice_day", "make it a notice"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_what_cannot_be_meant_is_named(self, policy: Policy, field: str, words: str) -> None:
        found = dunning_policy.contradictions(policy)

        assert list(found) == [field]
        assert words in " ".join(found[field])

    def test_several_are_named_together(self) -> None:
        found = dunning_policy.contradictions(Policy((40,), (9,), 7, 3, 5))

        assert set(found) == {"retry_days", "notice_days", "cancel_day", "last_notice_day"}


class TestTimeline:
    def test_everything_is_on_it_in_its_order(self) -> None:
        policy = Policy((1, 7), (3,), 7, 10, 14)

        assert dunning_policy.timeline(policy) == (
            Mark(0, MarkKind.FAILED),
            Mark(1, MarkKind.RETRY),
            Mark(3, MarkKind.NOTICE),
            Mark(7, MarkKind.RETRY),
            Mark(7, MarkKind.RESTRICTED),
            Mark(10, MarkKind.LAST_NOTICE),
            Mark(14, MarkKind.CANCELED),
        )

    def test_without_an_end_it_ends_with_the_restriction(self) -> None:
        assert dunning_policy.timeline(Policy((1,), (), 7))[-1] == Mark(7, MarkKind.RESTRICTED)


class TestNextRetry:
    @pytest.mark.parametrize(("declines", "on"), [(1, 1), (2, 3), (3, 5), (4, 7)])
    def test_a_soft_decline_follows_the_schedule(self, declines: int, on: int) -> None:
        found = dunning_policy.next_retry(DEFAULT, overdue(declines=declines))

        assert found == day(on)

    def test_after_the_last_one_there_is_none(self) -> None:
        assert dunning_policy.next_retry(DEFAULT, overdue(declines=5)) is None

    @pytest.mark.parametrize("kind", [DeclineKind.HARD, DeclineKind.STOP, DeclineKind.FIX_DATA])
    def test_a_card_that_will_not_pay_is_not_tried_again(self, kind: DeclineKind) -> None:
        assert dunning_policy.next_retry(DEFAULT, overdue(kind)) is None

    @pytest.mark.parametrize("transients", [1, 2])
    def test_a_host_that_was_down_is_asked_again_soon(self, transients: int) -> None:
        tried = day(0.5)
        found = dunning_policy.next_retry(
            DEFAULT, overdue(DeclineKind.TRANSIENT, transients=transients, last_tried_at=tried)
        )

        assert found == tried + timedelta(minutes=15)

    def test_two_tries_are_at_least_24_hours_apart(self) -> None:
        found = dunning_policy.next_retry(DEFAULT, overdue(declines=2, last_tried_at=day(2.9)))

        assert found == day(3.9)

    def test_the_issuers_wish_counts(self) -> None:
        assert dunning_policy.next_retry(DEFAULT, overdue(not_before=day(2))) == day(2)

    def test_a_wish_beyond_the_end_is_no_try(self) -> None:
        assert dunning_policy.next_retry(ENDING, overdue(not_before=day(28))) is None
        assert dunning_policy.next_retry(DEFAULT, overdue(not_before=day(30.1))) is None

    def test_time_of_an_outage_does_not_count(self) -> None:
        found = dunning_policy.next_retry(DEFAULT, overdue(paused=timedelta(hours=48)))

        assert found == day(3)

    def test_an_invoice_that_is_sent_is_never_tried(self) -> None:
        assert dunning_policy.next_retry(DEFAULT, Overdue(FAILED_AT, declines=0)) is None

    @given(
        st.lists(st.integers(1, 30), max_size=4, unique=True).map(sorted),
        st.lists(st.sampled_from([DeclineKind.SOFT, DeclineKind.TRANSIENT]), max_size=20),
    )
    def test_never_more_than_four_days_of_tries_and_each_a_day_apart(
        self, days: list[int], kinds: list[DeclineKind]
    ) -> None:
        policy = Policy(tuple(days), (), 7)
        state, tries = Overdue(FAILED_AT), [FAILED_AT]
        for kind in kinds:
            state = dunning_policy.after_decline(state, kind, at=tries[-1])
            moment = dunning_policy.next_retry(policy, state)
            if moment is None:
                break
            tries.append(moment)

        gaps = [later - former for former, later in pairwise(tries)]
        again = timedelta(minutes=15)
        assert all(gap == again or gap >= timedelta(days=1) for gap in gaps)
        assert sum(gap != again for gap in gaps) <= len(days)
        assert all(gaps[n : n + 3] != [again] * 3 for n in range(len(gaps)))


class TestAfterDecline:
    def test_a_decline_counts_and_says_what_it_means(self) -> None:
        found = dunning_policy.after_decline(
            overdue(transients=1), DeclineKind.HARD, at=day(1), not_before=day(3)
        )

        assert found == overdue(
            DeclineKind.HARD, declines=2, last_tried_at=day(1), not_before=day(3)
        )

    def test_a_host_that_was_down_does_not_count_twice(self) -> None:
        state = Overdue(FAILED_AT)
        for number in (1, 2):
            state = dunning_policy.after_decline(state, DeclineKind.TRANSIENT, at=FAILED_AT)
            assert (state.declines, state.transients) == (0, number)

    def test_the_third_in_a_row_counts_as_a_soft_one(self) -> None:
        found = dunning_policy.after_decline(
            overdue(transients=2), DeclineKind.TRANSIENT, at=day(1)
        )

        assert found == overdue(DeclineKind.SOFT, declines=2, last_tried_at=day(1))


class TestAsksFor:
    @pytest.mark.parametrize(
        ("kind", "ask"),
        [
            (DeclineKind.HARD, Ask.NEW_CARD),
            (DeclineKind.STOP, Ask.NEW_CARD),
            (DeclineKind.FIX_DATA, Ask.FIX_CARD),
            (DeclineKind.SOFT, None),
            (DeclineKind.TRANSIENT, None),
            (None, None),
        ],
    )
    def test_only_what_a_retry_cannot_mend(self, kind: DeclineKind | None, ask: Ask | None) -> None:
        assert dunning_policy.asks_for(overdue(kind)) is ask


class TestNoticeDue:
    @pytest.mark.parametrize(
        ("at", "on"), [(2.9, None), (3, 3), (5.9, 3), (6, 6), (20, 6), (25, 25)]
    )
    def test_it_is_the_last_one_whose_day_has_come(self, at: float, on: int | None) -> None:
        found = dunning_policy.notice_due(ENDING, overdue(), day(at))

        assert (found.day if found else None) == on

    def test_an_outage_moves_it(self) -> None:
        waiting = overdue(paused=timedelta(days=2))

        assert dunning_policy.notice_due(ENDING, waiting, day(3)) is None
        assert dunning_policy.notice_due(ENDING, waiting, day(5)) == Mark(3, MarkKind.NOTICE)


class TestIsOver:
    def test_it_ends_on_its_day_and_not_before(self) -> None:
        assert not dunning_policy.is_over(ENDING, overdue(), day(28) - timedelta(seconds=1))
        assert dunning_policy.is_over(ENDING, overdue(), day(28))

    def test_without_a_day_it_never_ends_by_itself(self) -> None:
        assert not dunning_policy.is_over(DEFAULT, overdue(), day(10_000))


class TestNextLook:
    @pytest.mark.parametrize(
        ("after", "declines", "looks"),
        [(0, 1, 1), (1, 2, 3), (3, 3, 5), (5, 4, 6), (6, 4, 7), (7, 5, 25), (25, 5, 28)],
    )
    def test_it_is_the_next_retry_notice_or_end(
        self, after: float, declines: int, looks: float
    ) -> None:
        state = overdue(declines=declines)

        assert dunning_policy.next_look(ENDING, state, after=day(after)) == day(looks)

    def test_a_retry_that_is_late_is_looked_at_now(self) -> None:
        found = dunning_policy.next_look(DEFAULT, overdue(), after=day(2))

        assert found is not None
        assert found - day(2) < timedelta(seconds=1)

    def test_once_all_is_done_there_is_none(self) -> None:
        assert dunning_policy.next_look(DEFAULT, overdue(declines=5), after=day(7)) is None
        assert dunning_policy.next_look(ENDING, overdue(DeclineKind.HARD), after=day(28)) is None
