from itertools import product

import pytest

from billing import transitions
from billing.enums import FINAL_STATUSES, LIVE_ATTEMPTS, AttemptState, SubscriptionStatus

_INCOMPLETE = SubscriptionStatus.INCOMPLETE


class TestSubscription:
    def test_every_status_has_a_row(self) -> None:
        assert set(transitions.SUBSCRIPTION) == set(SubscriptionStatus)

    @pytest.mark.parametrize("status", FINAL_STATUSES)
    def test_final_statuses_stay_final(self, status: SubscriptionStatus) -> None:
        followers = {other for other in SubscriptionStatus if transitions.may_become(status, other)}

        assert followers == {status}

    @pytest.mark.parametrize("status", SubscriptionStatus)
    def test_staying_is_no_transition(self, status: SubscriptionStatus) -> None:
        assert transitions.may_become(status, status)
        assert status not in transitions.SUBSCRIPTION[status]

    @pytest.mark.parametrize("status", sorted(set(SubscriptionStatus) - set(FINAL_STATUSES)))
    def test_whatever_lives_can_end(self, status: SubscriptionStatus) -> None:
        assert transitions.may_become(status, SubscriptionStatus.CANCELED)

    @pytest.mark.parametrize("status", sorted(set(SubscriptionStatus) - {_INCOMPLETE}))
    def test_nothing_goes_back_to_before_its_first_payment(
        self, status: SubscriptionStatus
    ) -> None:
        assert not transitions.may_become(status, SubscriptionStatus.INCOMPLETE)


class TestAttempt:
    def test_every_state_has_a_row(self) -> None:
        assert set(transitions.ATTEMPT) == set(AttemptState)

    def test_a_payment_that_succeeded_stays_so(self) -> None:
        assert transitions.ATTEMPT[AttemptState.SUCCEEDED] == frozenset()

    @pytest.mark.parametrize("state", sorted(set(AttemptState) - {AttemptState.SUCCEEDED}))
    def test_the_provider_may_always_report_success(self, state: AttemptState) -> None:
        assert transitions.attempt_may_become(state, AttemptState.SUCCEEDED)

    def test_an_attempt_that_is_over_never_lives_again(self) -> None:
        over = set(AttemptState) - set(LIVE_ATTEMPTS)
        revived = {
            (old, new)
            for old, new in product(over, LIVE_ATTEMPTS)
            if transitions.attempt_may_become(old, new)
        }

        assert revived == set()
