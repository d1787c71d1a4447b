"""The Celery application: queues, and the sweeps that beat starts.

Every sweep is known by its name alone, so that this module imports no application.
"""

import logging
import os
from datetime import timedelta
from typing import Any

from celery import Celery, signals
from celery.schedules import crontab

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.conf import settings

DEFAULT_QUEUE = "till"
MIRROR_QUEUE = "mirror"
RETRY_QUEUE = "billing-retry"
# Whoever starts a reader may wait for minutes: threads of their own, so that nothing else waits.
READERS_QUEUE = "readers"

# The guarantee behind each wake-up: what a lost message leaves behind is found here.
_BILLING_SWEEPS: dict[str, timedelta | crontab] = {
    "billing.drain_inbox": timedelta(seconds=5),
    "billing.reclaim_inbox": timedelta(seconds=30),
    "billing.resolve_attempts": timedelta(seconds=10),
    "billing.expire_checkouts": timedelta(seconds=60),
    # Within a minute of a settlement nothing beside it can be paid any more.
    "billing.close_siblings": timedelta(seconds=20),
    "billing.start_agreements": timedelta(minutes=5),
    "billing.deliver_invoices": timedelta(minutes=10),
    "billing.end_grace": timedelta(seconds=60),
    "billing.run_renewals": timedelta(seconds=10),
    "billing.remind_of_renewals": timedelta(minutes=10),
    "billing.drop_old_quotes": timedelta(hours=1),
    "billing.reconcile_recent": timedelta(hours=1),
    "billing.reconcile_all": crontab(hour="2", minute="41"),
}
_GATEWAY_SWEEPS: dict[str, timedelta | crontab] = {
    "cardconnect.poll_accounts": timedelta(minutes=15),
    "cardconnect.send_queued_refunds": timedelta(minutes=15),
    "cardconnect.delete_unused_profiles": timedelta(minutes=10),
    "cardconnect.look_again_at_sales": timedelta(minutes=1),
}
_READER_SWEEPS: dict[str, timedelta | crontab] = {
    "terminals.sweep_payments": timedelta(seconds=10),
    "terminals.refresh_statuses": timedelta(seconds=45),
    "terminals.void_forgotten": timedelta(minutes=5),
}
_OTHER_SWEEPS: dict[str, timedelta | crontab] = {
    "billing.drain_mirror": timedelta(seconds=5),
    "notifications.sweep_messages": timedelta(seconds=30),
    "orgs.purge_idempotency": crontab(hour="3", minute="17"),
    "config.heartbeat": timedelta(seconds=20),
}


def beat_schedule(*, with_billing: bool, billing_queue: str) -> dict[str, dict[str, Any]]:
    """Return what beat starts, each job by its name; a job that nobody took in time expires."""
    schedule: dict[str, dict[str, Any]] = {}
    for name, every in _OTHER_SWEEPS.items():
        schedule[name] = {"task": name, "schedule": every}
    if with_billing:
        for name, every in (_BILLING_SWEEPS | _GATEWAY_SWEEPS | _READER_SWEEPS).items():
            schedule[name] = {
                "task": name,
                "schedule": every,
                "options": {"queue": billing_queue},
            }
    for entry in schedule.values():
        if isinstance(entry["schedule"], timedelta):
            # Without workers the queue holds one of each, not one for every few seconds.
            entry.setdefault("options", {})["expires"] = entry["schedule"].total_seconds()
    return schedule


app = Celery("till")
app.config_from_object("django.conf:settings", namespace="CELERY")
# Threads other than the importing one would otherwise send through Celery's fallback application.
app.set_default()
app.autodiscover_tasks()
app.conf.task_default_queue = DEFAULT_QUEUE
app.conf.task_routes = {
    "billing.drain_mirror": {"queue": MIRROR_QUEUE},
    "terminals.run_sale": {"queue": READERS_QUEUE},
}
# Kept in memory: every entry but one is a short interval, and a file would have to live somewhere.
app.conf.beat_scheduler = "celery.beat:Scheduler"
app.conf.beat_schedule = beat_schedule(
    with_billing=settings.ENABLE_BILLING_RETRY_WORKER,
    billing_queue=RETRY_QUEUE
    if settings.BILLING_RETRY_DEPLOYMENT_MODE == "dedicated"
    else DEFAULT_QUEUE,
)


# They tell every job twice, sweeps every few seconds among them.
_TALKATIVE = ("celery.worker.strategy", "celery.app.trace", "celery.beat")


@signals.setup_logging.connect
def keep_our_logging(**_future: Any) -> None:
    """Keep Celery from replacing what config/logs.py set up; hear of its troubles alone."""
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)


@signals.worker_ready.connect
def report_at_once(sender: Any, **_future: Any) -> None:
    """Send the first heartbeat through the queue, not twenty seconds later."""
    sender.app.send_task("config.heartbeat")
