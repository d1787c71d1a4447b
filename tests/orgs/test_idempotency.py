from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from django.db import connection

from orgs import tasks
from orgs.errors import Conflict, IdempotencyMismatch, InvalidRequest
from orgs.models import IdempotencyRecord, Organization
from orgs.services import idempotency
from tests.factories import OrganizationFactory

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
PRINT = "f" * 64


def _claim(
    org: Organization, key: str = "key-1", *, print_: str = PRINT, now: datetime = NOW
) -> idempotency.Claim | idempotency.Replay:
    return idempotency.claim_key(organization=org, key=key, request_fingerprint=print_, now=now)


def _claimed(org: Organization, now: datetime = NOW) -> idempotency.Claim:
    claim = _claim(org, now=now)
    assert isinstance(claim, idempotency.Claim)
    return claim


class TestFingerprint:
    def test_tells_every_part_apart(self) -> None:
        prints = {
            idempotency.fingerprint(method=method, path=path, body=body)
            for method, path, body in [
                ("POST", "/a", b"x"),
                ("PATCH", "/a", b"x"),
                ("POST", "/b", b"x"),
                ("POST", "/a", b"y"),
                ("POST", "/ax", b""),
            ]
        }

        assert len(prints) == 5


class TestClaimKey:
    def test_leases_a_new_key(self, org: Organization) -> None:
        claim = _claimed(org)

        record = IdempotencyRecord.objects.get()
        assert claim == idempotency.Claim(record.pk, NOW + idempotency.LEASE)
        assert (record.organization, record.key, record.fingerprint) == (org, "key-1", PRINT)
        assert record.locked_until == NOW + timedelta(seconds=60)
        assert record.response_status is None

    def test_refuses_while_the_first_is_running(self, org: Organization) -> None:
        _claim(org)

        with pytest.raises(Conflict) as caught:
            _claim(org, now=NOW + timedelta(seconds=59))

        assert caught.value.retry_after == 2
        assert IdempotencyRecord.objects.get().locked_until == NOW + idempotency.LEASE

    def test_takes_over_from_a_worker_that_died(self, org: Organization) -> None:
        dead = _claimed(org)
        later = NOW + timedelta(seconds=61)

        alive = _claimed(org, now=later)

        assert alive == idempotency.Claim(dead.record_id, later + idempotency.LEASE)
        assert idempotency.store_answer(claim=dead, status=201, body="late") is False
        assert idempotency.store_answer(claim=alive, status=201, body="mine") is True
        assert _claim(org) == idempotency.Replay(201, "mine")

    def test_replays_a_stored_answer(self, org: Organization) -> None:
        idempotency.store_answer(claim=_claimed(org), status=402, body='{"a": "ä"}')

        assert _claim(org, now=NOW + timedelta(days=1)) == idempotency.Replay(402, '{"a": "ä"}')

    def test_keeps_answers_encrypted(self, org: Organization) -> None:
        idempotency.store_answer(claim=_claimed(org), status=201, body="client_secret")

        with connection.cursor() as cursor:
            cursor.execute("SELECT response_body FROM orgs_idempotencyrecord")
            stored = bytes(cursor.fetchone()[0])
        assert b"client_secret" not in stored
        assert stored.startswith(b"gAAAA")

    @pytest.mark.parametrize("is_answered", [False, True])
    def test_refuses_another_request_under_the_key(
        self, org: Organization, *, is_answered: bool
    ) -> None:
        claim = _claimed(org)
        if is_answered:
            idempotency.store_answer(claim=claim, status=201, body="{}")

        with pytest.raises(IdempotencyMismatch):
            _claim(org, print_="0" * 64)

    def test_lets_a_released_key_run_again(self, org: Organization) -> None:
        idempotency.release_claim(claim=_claimed(org))

        again = _claimed(org, now=NOW + timedelta(seconds=1))

        assert again.locked_until == NOW + timedelta(seconds=61)
        assert IdempotencyRecord.objects.count() == 1

    def test_keeps_the_keys_of_organizations_apart(
        self, org: Organization, other_org: Organization
    ) -> None:
        idempotency.store_answer(claim=_claimed(org), status=201, body="{}")

        assert isinstance(_claim(other_org), idempotency.Claim)

    @pytest.mark.parametrize("key", ["", "   ", "k" * 256, "a\x00b"])
    def test_refuses_a_key_that_is_none(self, org: Organization, key: str) -> None:
        with pytest.raises(InvalidRequest) as caught:
            _claim(org, key)

        assert caught.value.fields == {"Idempotency-Key": ["Give between 1 and 255 characters."]}
        assert IdempotencyRecord.objects.count() == 0

    def test_takes_a_key_of_255_characters(self, org: Organization) -> None:
        assert isinstance(_claim(org, "k" * 255), idempotency.Claim)


@pytest.mark.django_db(transaction=True)
class TestClaimKeyInARace:
    @pytest.mark.parametrize("is_stale", [False, True])
    def test_gives_the_key_to_one_of_many(self, *, is_stale: bool) -> None:
        org = OrganizationFactory.create()
        if is_stale:
            _claim(org, now=NOW - timedelta(hours=1))
        barrier = Barrier(6)

        def run(_: int) -> str:
            try:
                barrier.wait(10)
                return type(_claim(org)).__name__
            except Conflict:
                return "Conflict"
            finally:
                connection.close()

        with ThreadPoolExecutor(6) as pool:
            outcomes = sorted(pool.map(run, range(6)))

        assert outcomes == ["Claim", *["Conflict"] * 5]


class TestPurgeRecords:
    def test_deletes_what_is_older_than_seven_days(
        self, org: Organization, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(idempotency, "_PURGE_BATCH", 2)
        for number in range(5):
            _claim(org, f"old-{number}", now=NOW - timedelta(days=7, seconds=1))
        _claim(org, "young", now=NOW - timedelta(days=6))

        assert idempotency.purge_records(now=NOW) == 5
        assert [record.key for record in IdempotencyRecord.objects.all()] == ["young"]

    def test_is_a_job(self, org: Organization) -> None:
        _claim(org, now=NOW - timedelta(days=400))

        tasks.purge_idempotency(new_argument=1)

        assert IdempotencyRecord.objects.count() == 0
