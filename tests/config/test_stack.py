"""The tests' own stack: real processes over this process' database."""

from pathlib import Path

import httpx
import pytest

from billing import jobs
from billing.models import InboxEvent
from config import processes
from tests.stack import Stack

_PING = {"id": "evt_1", "type": "ping", "created": 1_790_000_000, "data": {"object": {}}}


@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(240)
class TestStack:
    def test_shares_our_database_and_goes_on_after_the_death_of_its_worker(
        self, tmp_path: Path
    ) -> None:
        with Stack(tmp_path) as stack:
            assert httpx.get(f"{stack.base_url}/readyz", trust_env=False).status_code == 200
            assert stack.simulator.requests() == []

            stack.kill_worker()
            event = InboxEvent.objects.create(
                provider="stripe", external_id="evt_1", type="ping", payload=_PING
            )
            stack.start_worker()
            jobs.wake_inbox()
            processes.wait_until(
                lambda: InboxEvent.objects.get(pk=event.pk).handled_at is not None,
                what=f"The worker\n{stack.logs()}\n",
                seconds=20,
            )

        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{stack.base_url}/healthz", trust_env=False)
