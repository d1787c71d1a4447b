import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from django.conf import settings as django_settings
from django.db import DatabaseError
from django.db.migrations.executor import MigrationExecutor
from django.test import Client

from config import health
from orgs.models import User
from tests.factories import UserFactory


@pytest.fixture(autouse=True)
def _forget_migrations() -> Iterator[None]:
    health._check_migrations.cache_clear()
    yield
    health._check_migrations.cache_clear()


@pytest.fixture
def heartbeat(empty_redis: None) -> Iterator[Any]:
    """Write down when the worker reported."""
    client = redis.Redis.from_url(django_settings.REDIS_URL)

    def beat(seconds_ago: float = 0) -> None:
        client.set(health.HEARTBEAT_KEY, str(int(time.time() - seconds_ago)))

    yield beat
    client.delete(health.HEARTBEAT_KEY)
    client.close()


class TestHealthz:
    def test_asks_nobody(self, client: Client, django_assert_num_queries: Any, db: None) -> None:
        with django_assert_num_queries(0):
            response = client.get("/healthz")

        assert (response.status_code, response.json()) == (200, {"status": "ok"})
        assert response["Cache-Control"] == "no-store"

    def test_is_read_only(self, client: Client) -> None:
        assert client.post("/healthz").status_code == 405


class TestReadyz:
    def test_says_check_by_check_that_all_is_well(
        self, client: Client, db: None, heartbeat: Any
    ) -> None:
        heartbeat()

        response = client.get("/readyz")

        assert response.status_code == 200
        body = response.json()
        assert body["status"] == "ok"
        assert list(body["checks"]) == ["database", "migrations", "redis", "worker"]
        for check in body["checks"].values():
            assert check.pop("ms") >= 0
            assert check == {"ok": True}

    @pytest.mark.parametrize(
        ("age", "reason"),
        [(None, "no worker has reported yet"), (91, "the last worker reported 9")],
    )
    def test_misses_the_worker(
        self, client: Client, db: None, heartbeat: Any, age: float | None, reason: str
    ) -> None:
        if age is not None:
            heartbeat(age)

        response = client.get("/readyz")

        assert response.status_code == 503
        assert response.json()["status"] == "failing"
        worker = response.json()["checks"]["worker"]
        assert worker["ok"] is False
        assert worker["reason"].startswith(reason)

    def test_misses_the_database(
        self, client: Client, db: None, heartbeat: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        heartbeat()

        def fail() -> None:
            raise DatabaseError("password=hunter2")

        monkeypatch.setitem(health._CHECKS, "database", fail)

        response = client.get("/readyz")

        assert response.status_code == 503
        assert "hunter2" not in response.text
        assert response.json()["checks"]["database"]["reason"] == "not reachable"
        assert response.json()["checks"]["redis"]["ok"] is True

    def test_misses_redis(self, client: Client, db: None, settings: Any) -> None:
        settings.REDIS_URL = "redis://127.0.0.1:1/0"

        checks = client.get("/readyz").json()["checks"]

        assert checks["redis"]["reason"] == "not reachable"
        assert checks["worker"]["reason"] == "not reachable"
        assert checks["database"]["ok"] is True

    def test_counts_migrations_that_are_not_applied(
        self, client: Client, db: None, heartbeat: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        heartbeat()
        monkeypatch.setattr(MigrationExecutor, "migration_plan", lambda *_: [object(), object()])

        response = client.get("/readyz")

        assert response.status_code == 503
        assert response.json()["checks"]["migrations"]["reason"] == "2 migrations are not applied"


class TestMetrics:
    def test_are_hidden_from_strangers_and_members(self, client: Client, alice: User) -> None:
        assert client.get("/metrics").status_code == 404

        client.force_login(alice)

        assert client.get("/metrics").status_code == 404

    def test_are_for_staff(self, client: Client, db: None) -> None:
        client.force_login(UserFactory.create(staff=True))

        response = client.get("/metrics")

        assert response.status_code == 200
        assert response["Content-Type"].startswith("text/plain")
        assert "python_info" in response.text

    @pytest.mark.parametrize(
        ("token", "offered", "status"),
        [
            ("s3cret", "Bearer s3cret", 200),
            ("s3cret", "Bearer other", 401),
            ("s3cret", "Bearer \u00e9", 401),
            ("", "Bearer ", 401),
            ("", "Bearer", 401),
        ],
    )
    def test_are_for_a_collector_with_the_token(
        self, client: Client, db: None, settings: Any, token: str, offered: str, status: int
    ) -> None:
        settings.METRICS_TOKEN = token

        response = client.get("/metrics", headers={"authorization": offered})

        assert response.status_code == status
