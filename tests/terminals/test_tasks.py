"""What workers and beat start does what the services do."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from config import celery
from orgs import clock
from orgs.models import Organization
from terminals import jobs, tasks
from tests.factories import OrganizationFactory
from tests.terminals.scripted_readers import LOST
from tests.terminals.till_steps import Till, open_till

pytestmark = pytest.mark.django_db(transaction=True)

RUNS = {
    jobs.RUN_SALE: tasks.run_sale,
    jobs.FINISH_CANCEL: tasks.finish_cancel,
    jobs.VOID_LATE_SALE: tasks.void_late_sale,
}


@pytest.fixture
def org(transactional_db: None) -> Organization:
    return OrganizationFactory.create(name="Acme", slug="acme")


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """What is sent to workers, by name."""
    sent: list[tuple[str, dict[str, Any]]] = []

    def send_task(name: str, kwargs: dict[str, Any] | None = None, **_more: Any) -> None:
        sent.append((name, kwargs or {}))

    monkeypatch.setattr(celery.app, "send_task", send_task)
    return sent


@pytest.fixture
def till(queued: list[tuple[str, dict[str, Any]]], settings: Any, org: Organization) -> Till:
    return open_till(settings, org, "cardconnect", timezone.now())


def run_queued(queued: list[tuple[str, dict[str, Any]]]) -> list[str]:
    """Do what was sent to workers, once; return the names."""
    taken = [job for job in queued if job[0] in RUNS]
    queued.clear()
    for name, kwargs in taken:
        RUNS[name](**kwargs)
    return [name for name, _ in taken]


def test_a_sale_is_run_by_a_worker_of_the_readers(
    till: Till, queued: list[tuple[str, dict[str, Any]]]
) -> None:
    payment = till.open()

    assert run_queued(queued) == [jobs.RUN_SALE]

    assert till.again(payment).status == "succeeded"
    assert celery.app.conf.task_routes[jobs.RUN_SALE] == {"queue": "readers"}


def test_a_cancel_is_finished_by_a_worker(
    till: Till, queued: list[tuple[str, dict[str, Any]]]
) -> None:
    payment = till.open(capture_method="manual")

    def cancel() -> None:
        till.cancel(payment)
        till.bank.stopped.clear()

    till.bank.acts.append(cancel)
    run_queued(queued)
    assert till.again(payment).status == "in_progress"

    assert run_queued(queued) == [jobs.FINISH_CANCEL]

    assert till.again(payment).status == "canceled"
    assert till.charged() == []


def test_a_lost_job_is_made_up_for(
    till: Till, queued: list[tuple[str, dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = till.open()
    queued.clear()
    later = timezone.now() + timedelta(seconds=30)
    monkeypatch.setattr(clock, "now", lambda *_: later)

    tasks.sweep_payments()

    assert run_queued(queued) == [jobs.RUN_SALE]
    assert till.again(payment).status == "succeeded"


def test_what_nobody_captured_is_voided(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    payment = till.open(capture_method="manual")
    till.work()
    expires = till.again(payment).capture_before
    monkeypatch.setattr(clock, "now", lambda *_: expires)

    tasks.void_forgotten()

    assert till.again(payment).status == "canceled"


def test_statuses_are_asked_for(till: Till) -> None:
    till.bank.readers.clear()

    tasks.refresh_statuses()

    till.terminal.refresh_from_db()
    assert not till.terminal.is_online


def test_a_late_winner_is_voided_by_a_worker(
    till: Till, queued: list[tuple[str, dict[str, Any]]]
) -> None:
    payment = till.open(capture_method="manual")
    till.bank.acts.append("lost_after")
    till.work()
    (name,) = till.bank.sales
    hidden = till.bank.sales.pop(name)
    till.settle_down(400)
    till.cancel(payment)
    queued.clear()
    till.bank.sales[name] = hidden
    till.bank.write_errors.append(LOST)
    till.late_word(payment)

    assert run_queued(queued) == [jobs.VOID_LATE_SALE]
    assert till.cases() == ["open"]
    tasks.sweep_payments()

    assert till.cases() == ["resolved"]
    assert till.charged() == []
