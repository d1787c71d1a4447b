"""Which status may follow which.

The provider is the truth for a subscription's status: a snapshot that arrives in order may jump
(an event in between was lost), but it never leaves a final state.
"""

from billing.enums import AttemptState, SubscriptionStatus

_S = SubscriptionStatus
_A = AttemptState

SUBSCRIPTION: dict[SubscriptionStatus, frozenset[SubscriptionStatus]] = {
    _S.INCOMPLETE: frozenset(
        {
            _S.INCOMPLETE_EXPIRED,
            _S.TRIALING,
            _S.ACTIVE,
            _S.PAST_DUE,
            _S.UNPAID,
            _S.PAUSED,
            _S.CANCELED,
        }
    ),
    _S.TRIALING: frozenset({_S.ACTIVE, _S.PAST_DUE, _S.UNPAID, _S.PAUSED, _S.CANCELED}),
    _S.ACTIVE: frozenset({_S.TRIALING, _S.PAST_DUE, _S.UNPAID, _S.PAUSED, _S.CANCELED}),
    _S.PAST_DUE: frozenset({_S.ACTIVE, _S.UNPAID, _S.PAUSED, _S.CANCELED}),
    _S.UNPAID: frozenset({_S.ACTIVE, _S.PAST_DUE, _S.PAUSED, _S.CANCELED}),
    _S.PAUSED: frozenset({_S.ACTIVE, _S.TRIALING, _S.PAST_DUE, _S.UNPAID, _S.CANCELED}),
    _S.INCOMPLETE_EXPIRED: frozenset(),
    _S.CANCELED: frozenset(),
}

ATTEMPT: dict[AttemptState, frozenset[AttemptState]] = {
    _A.CREATED: frozenset({_A.SENT, _A.SUCCEEDED, _A.FAILED, _A.NOT_PROCESSED, _A.CANCELED}),
    _A.SENT: frozenset(
        {
            _A.UNKNOWN,
            _A.REQUIRES_ACTION,
            _A.SUCCEEDED,
            _A.FAILED,
            _A.NOT_PROCESSED,
            _A.CANCELED,
        }
    ),
    _A.UNKNOWN: frozenset(
        {_A.REQUIRES_ACTION, _A.SUCCEEDED, _A.FAILED, _A.NOT_PROCESSED, _A.CANCELED}
    ),
    _A.REQUIRES_ACTION: frozenset({_A.SUCCEEDED, _A.FAILED, _A.CANCELED}),
    _A.SUCCEEDED: frozenset(),
    # The provider's truth may still overtake ours: a payer who pays a payment we gave up on.
    _A.FAILED: frozenset({_A.SUCCEEDED}),
    _A.NOT_PROCESSED: frozenset({_A.SUCCEEDED}),
    _A.CANCELED: frozenset({_A.SUCCEEDED}),
}


def may_become(old: SubscriptionStatus, new: SubscriptionStatus) -> bool:
    """Say whether a subscription may go from one status to another (staying is fine)."""
    return old == new or new in SUBSCRIPTION[old]


def attempt_may_become(old: AttemptState, new: AttemptState) -> bool:
    """Say whether a payment attempt may go from one state to another (staying is fine)."""
    return old == new or new in ATTEMPT[old]
