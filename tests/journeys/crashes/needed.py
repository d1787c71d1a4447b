"""Which jobs would find something to do: most rounds of beat find nothing, and are not played."""

from datetime import datetime

from tests.journeys.crashes.stage import ask_sql

RECLAIM = "billing.reclaim_inbox"
# What a job would find: without any it does nothing, and is not run.
_WORK_FOR = {
    "billing.drain_inbox": "EXISTS (SELECT FROM billing_inboxevent"
    " WHERE state IN ('pending', 'failed'))",
    RECLAIM: "EXISTS (SELECT FROM billing_inboxevent WHERE state = 'processing')",
    "billing.resolve_attempts": "EXISTS (SELECT FROM billing_paymentattempt"
    " WHERE state IN ('created', 'sent', 'unknown'))",
    "billing.run_renewals": "EXISTS (SELECT FROM engine_enginesubscription"
    " WHERE next_action_at <= %s OR claimed_at IS NOT NULL)"
    " OR EXISTS (SELECT FROM engine_latecharge WHERE ask_at <= %s)",
    "billing.close_siblings": "(SELECT count(*) FROM billing_subscription) > 1",
    "billing.end_grace": "EXISTS (SELECT FROM billing_subscription"
    " WHERE status NOT IN ('active', 'trialing'))",
    "cardconnect.send_queued_refunds": "EXISTS (SELECT FROM cardconnect_gatewaytransaction"
    " WHERE kind = 'refund' AND state IN ('queued', 'sent'))"
    " OR EXISTS (SELECT FROM engine_enginerefund WHERE is_undecided)",
    "cardconnect.look_again_at_sales": "EXISTS (SELECT FROM cardconnect_gatewaytransaction"
    " WHERE kind = 'sale' AND looked_again_at IS NULL)",
}


def by_job(now: datetime) -> dict[str, bool]:
    """Ask for all of them at once, as it is asked so often."""
    names, questions = zip(*_WORK_FOR.items(), strict=True)
    given = [now] * sum(question.count("%s") for question in questions)
    return dict(zip(names, ask_sql(f"SELECT {', '.join(questions)}", given), strict=True))
