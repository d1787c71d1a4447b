import threading
import time
from datetime import timedelta

import celery as celery_package
import pytest
import redis
from celery.schedules import crontab
from django.conf import settings

from billing import jobs
from config import celery, demo_system, health, tasks

SWEEPS = {
    jobs.DRAIN_INBOX: 5,
    jobs.RECLAIM_INBOX: 30,
    jobs.RESOLVE_ATTEMPTS: 10,
    jobs.DELIVER_INVOICES: 600,
    jobs.EXPIRE_CHECKOUTS: 60,
    jobs.CLOSE_SIBLINGS: 20,
    jobs.START_AGREEMENTS: 300,
    jobs.END_GRACE: 60,
    jobs.DROP_OLD_QUOTES: 3600,
    jobs.RECONCILE_RECENT: 3600,
    jobs.RUN_RENEWALS: 10,
    jobs.REMIND_OF_RENEWALS: 600,
    "cardconnect.poll_accounts": 900,
    "cardconnect.send_queued_refunds": 900,
    "cardconnect.look_again_at_sales": 60,
    "cardconnect.delete_unused_profiles": 600,
    "terminals.sweep_payments": 10,
    "terminals.refresh_statuses": 45,
    "terminals.void_forgotten": 300,
}


class TestBeatSchedule:
    def test_starts_every_sweep_at_its_interval(self) -> None:
        schedule = celery.beat_schedule(with_billing=True, billing_queue="till")

        for name, seconds in (SWEEPS | {jobs.DRAIN_MIRROR: 5}).items():
            assert schedule[name]["schedule"] == timedelta(seconds=seconds)
            assert schedule[name]["options"]["expires"] == seconds
        assert schedule["orgs.purge_idempotency"]["task"] == "orgs.purge_idempotency"

    def test_compares_everything_with_the_providers_at_night(self) -> None:
        schedule = celery.beat_schedule(with_billing=True, billing_queue="till")

        assert schedule[jobs.RECONCILE_ALL]["schedule"] == crontab(hour="2", minute="41")

    def test_leaves_the_billing_sweeps_out_when_they_are_switched_off(self) -> None:
        schedule = celery.beat_schedule(with_billing=False, billing_queue="till")

        assert not SWEEPS.keys() & schedule.keys()
        assert {jobs.DRAIN_MIRROR, "config.heartbeat"} <= schedule.keys()

    def test_sends_the_billing_sweeps_and_nothing_else_to_a_queue_of_their_own(self) -> None:
        schedule = celery.beat_schedule(with_billing=True, billing_queue="billing-retry")

        queues = {name: entry.get("options", {}).get("queue") for name, entry in schedule.items()}
        assert {name for name, queue in queues.items() if queue == "billing-retry"} == {
            *SWEEPS,
            jobs.RECONCILE_ALL,
        }

    @pytest.mark.django_db  # Celery's Django part checks the models first
    def test_names_only_tasks_that_exist(self) -> None:
        celery.app.loader.import_default_modules()

        schedule = celery.beat_schedule(with_billing=True, billing_queue="till")

        assert {entry["task"] for entry in schedule.values()} <= set(celery.app.tasks)


class TestApp:
    def test_is_the_current_one_in_every_thread(self) -> None:
        seen: list[object] = []

        thread = threading.Thread(target=lambda: seen.append(celery_package.current_app.main))
        thread.start()
        thread.join()

        assert seen == ["till"]

    def test_sends_the_mirror_to_a_queue_of_its_own(self) -> None:
        route = celery.app.amqp.router.route({}, jobs.DRAIN_MIRROR)

        assert route["queue"].name == "mirror"
        assert celery.app.amqp.router.route({}, jobs.DRAIN_INBOX)["queue"].name == "till"

    def test_keeps_the_schedule_in_memory(self) -> None:
        assert celery.app.conf.beat_scheduler == "celery.beat:Scheduler"


class TestHeartbeat:
    def test_is_written_where_everybody_looks(self) -> None:
        assert tasks.HEARTBEAT_KEY == demo_system.HEARTBEAT_KEY == health.HEARTBEAT_KEY

    def test_writes_the_time(self) -> None:
        tasks.heartbeat()

        with redis.Redis.from_url(settings.REDIS_URL) as connection:
            written = connection.get(tasks.HEARTBEAT_KEY)
        assert abs(int(str(written, "ascii")) - time.time()) < 5
