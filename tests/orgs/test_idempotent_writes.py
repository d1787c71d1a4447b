"""`Idempotency-Key` around a view."""

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.utils import timezone
from rest_framework.test import APIClient

from orgs.api import idempotency as http
from orgs.errors import Conflict, DomainError, InvalidRequest
from orgs.models import IdempotencyRecord, Organization, Role, User
from orgs.services import idempotency
from tests.factories import MembershipFactory, OrganizationFactory, UserFactory
from tests.orgs.probe import Calls

pytestmark = pytest.mark.urls("tests.orgs.probe")
Api = Callable[..., APIClient]
PROBE = "/api/v1/billing/probe"


def _post(client: APIClient, body: Any = None, *, key: str = "k1", path: str = PROBE) -> Any:
    return client.post(path, body or {"count": 1}, headers={"idempotency-key": key})


def _code(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


class TestReplay:
    def test_gives_the_first_answer_byte_for_byte(
        self, api: Api, alice: User, calls: type[Calls]
    ) -> None:
        first = _post(api(alice))
        second = _post(api(alice))

        assert (first.status_code, second.status_code) == (201, 201)
        assert second.content == first.content
        assert second["Content-Type"] == first["Content-Type"] == "application/json"
        assert "Idempotent-Replayed" not in first
        assert second["Idempotent-Replayed"] == "true"
        assert calls.seen == ["k1"]

    def test_knows_all_spellings_of_the_path(
        self, api: Api, alice: User, org: Organization, calls: type[Calls]
    ) -> None:
        long = f"/api/v1/billing/tenants/{org.pk}/probe"

        answers = [_post(api(alice), path=path) for path in (PROBE, f"{PROBE}/", long, f"{long}/")]

        assert len({answer.content for answer in answers}) == 1
        assert len(calls.seen) == 1

    def test_gives_a_decline_again(self, api: Api, alice: User, calls: type[Calls]) -> None:
        calls.failures.append(InvalidRequest(fields={"plan": ["Unknown."]}))

        first, second = _post(api(alice)), _post(api(alice))

        assert first.status_code == 400
        assert second.content == first.content
        assert len(calls.seen) == 1

    def test_gives_an_empty_answer_again(self, api: Api, alice: User, calls: type[Calls]) -> None:
        answers = [api(alice).delete(PROBE, headers={"idempotency-key": "d"}) for _ in range(2)]

        assert [(a.status_code, a.content, "Content-Type" in a) for a in answers] == [
            (204, b"", False)
        ] * 2
        assert calls.seen == ["d"]

    def test_is_not_asked_for_without_a_key(
        self, api: Api, alice: User, calls: type[Calls]
    ) -> None:
        api(alice).post(PROBE, {})
        api(alice).post(PROBE, {})

        assert calls.seen == [None, None]
        assert IdempotencyRecord.objects.count() == 0

    def test_is_not_for_reads(self, api: Api, alice: User) -> None:
        api(alice).get(PROBE, headers={"idempotency-key": "k"})

        assert IdempotencyRecord.objects.count() == 0

    def test_is_for_one_organization(
        self, api: Api, alice: User, charlie: User, calls: type[Calls]
    ) -> None:
        first, second = _post(api(alice)), _post(api(charlie))

        assert first.json()["organization"] != second.json()["organization"]
        assert len(calls.seen) == 2


class TestMismatch:
    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("post", PROBE, '{"count": 2}'),
            ("post", PROBE, '{"count":  1}'),
            ("patch", PROBE, '{"count": 1}'),
            ("post", f"{PROBE}?immediate=true", '{"count": 1}'),
        ],
    )
    def test_refuses_another_request(
        self, api: Api, alice: User, calls: type[Calls], method: str, path: str, body: str
    ) -> None:
        client = api(alice)
        headers = {"idempotency-key": "k1"}
        sent: Any = {"content_type": "application/json", "headers": headers}
        assert client.post(PROBE, '{"count": 1}', **sent).status_code == 201

        response = getattr(client, method)(path, body, **sent)

        assert _code(response) == (409, "IDEMPOTENCY_MISMATCH")
        assert len(calls.seen) == 1

    @pytest.mark.parametrize("key", ["", "k" * 256])
    def test_refuses_a_key_that_is_none(
        self, api: Api, alice: User, calls: type[Calls], key: str
    ) -> None:
        response = _post(api(alice), key=key)

        assert _code(response) == (400, "INVALID_REQUEST")
        assert list(response.json()["error"]["fields"]) == ["Idempotency-Key"]
        assert calls.seen == []

    def test_does_not_spend_the_key_of_somebody_who_may_not_write(
        self, api: Api, bob: User, calls: type[Calls]
    ) -> None:
        assert _post(api(bob)).status_code == 403
        assert IdempotencyRecord.objects.count() == 0


class TestAnswersThatAreNotFinal:
    @pytest.mark.parametrize("code", [202, 429, 500, 502, 503])
    def test_let_the_same_key_run_again(
        self, api: Api, alice: User, calls: type[Calls], code: int
    ) -> None:
        calls.statuses.append(code)

        first, second, third = (_post(api(alice)) for _ in range(3))

        assert [first.status_code, second.status_code, third.status_code] == [code, 201, 201]
        assert third.content == second.content
        assert calls.seen == ["k1", "k1"]

    @pytest.mark.parametrize("error", [DomainError(), ZeroDivisionError(), Conflict(retry_after=3)])
    def test_include_failures(
        self, api: Api, alice: User, calls: type[Calls], error: Exception
    ) -> None:
        calls.failures.append(error)

        assert _post(api(alice)).status_code in {409, 500}
        assert _post(api(alice)).status_code == 201

    def test_still_belong_to_their_request(self, api: Api, alice: User, calls: type[Calls]) -> None:
        calls.statuses.append(202)
        _post(api(alice))

        response = _post(api(alice), {"count": 2})

        assert _code(response) == (409, "IDEMPOTENCY_MISMATCH")

    def test_do_not_become_errors_when_the_store_fails(
        self, api: Api, alice: User, calls: type[Calls], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(**_: object) -> None:
            raise DatabaseError

        monkeypatch.setattr(idempotency, "store_answer", fail)

        assert _post(api(alice)).status_code == 201


class TestLease:
    def test_takes_over_from_a_worker_that_died(
        self, api: Api, alice: User, calls: type[Calls]
    ) -> None:
        calls.statuses.append(202)
        _post(api(alice))
        IdempotencyRecord.objects.update(locked_until=timezone.now() + timedelta(seconds=50))
        assert _code(_post(api(alice))) == (409, "CONFLICT")

        IdempotencyRecord.objects.update(locked_until=timezone.now() - timedelta(seconds=1))

        assert _post(api(alice)).status_code == 201
        assert len(calls.seen) == 2

    @pytest.mark.django_db(transaction=True)
    def test_lets_one_of_two_requests_run(self, calls: type[Calls], empty_redis: None) -> None:
        user = UserFactory.create()
        MembershipFactory.create(
            user=user, organization=OrganizationFactory.create(), role=Role.OWNER
        )
        client = _client_of(user)
        calls.gate, calls.entered = threading.Event(), threading.Event()

        def run() -> Any:
            try:
                return _post(_client_of(user))
            finally:
                connection.close()

        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(run)
            assert calls.entered.wait(10)
            meanwhile = _post(client)
            calls.gate.set()
            answer = first.result(10)
        later = _post(client)

        assert _code(meanwhile) == (409, "CONFLICT")
        assert meanwhile["Retry-After"] == "2"
        assert answer.status_code == 201
        assert later.content == answer.content
        assert calls.seen == ["k1"]


class TestCanonicalPath:
    @pytest.mark.parametrize(
        ("path", "canonical"),
        [
            ("/api/v1/billing/tenants/x/subscription", "/api/v1/billing/subscription"),
            ("/api/v1/billing/tenants/x/subscription/", "/api/v1/billing/subscription"),
            ("/api/v1/billing/subscription", "/api/v1/billing/subscription"),
            ("/api/v1/billing/tenants/x/a/tenants/y", "/api/v1/billing/a/tenants/y"),
            ("/api/v1/orgs/x/api-keys", "/api/v1/orgs/x/api-keys"),
        ],
    )
    def test_is_one_for_all_spellings(self, path: str, canonical: str) -> None:
        assert http.canonical_path(path) == canonical


def _client_of(user: User) -> APIClient:
    client = APIClient()
    client.force_login(user)
    return client


def test_the_lease_is_longer_than_one_call_to_a_provider() -> None:
    assert idempotency.LEASE.total_seconds() > 23


def test_stored_bodies_are_json(api: Api, alice: User, calls: type[Calls]) -> None:
    _post(api(alice))

    assert json.loads(IdempotencyRecord.objects.get().response_body)["run"] == 1
