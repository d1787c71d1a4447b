"""Twice is once: the answer to a write that carried an Idempotency-Key.

A claim is one row, unique per organization and key. While it is leased, the request runs; a lease
that ran out belonged to a worker that died, and the next request with the key takes it over.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import QuerySet

from orgs.errors import Conflict, IdempotencyMismatch, InvalidRequest
from orgs.models import IdempotencyRecord, Organization

MAX_KEY_LENGTH = 255
LEASE = timedelta(seconds=60)
KEPT_FOR = timedelta(days=7)
_RETRY_AFTER_SECONDS = 2
_PURGE_BATCH = 5000
_INSERT = """
    INSERT INTO orgs_idempotencyrecord
        (organization_id, key, fingerprint, locked_until, response_body, created_at)
    VALUES (%s, %s, %s, %s, %s, %s)
    ON CONFLICT (organization_id, key) DO NOTHING
    RETURNING id
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to run the request, until the lease ends."""

    record_id: int
    locked_until: datetime


@dataclass(frozen=True, slots=True)
class Replay:
    """The answer that was given before."""

    status: int
    body: str


def fingerprint(*, method: str, path: str, body: bytes) -> str:
    """Return what makes two requests the same: method, canonical path with query, raw body."""
    digest = hashlib.sha256()
    for part in (method.encode(), path.encode(), body):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()


def claim_key(
    *, organization: Organization, key: str, request_fingerprint: str, now: datetime
) -> Claim | Replay:
    """Claim the key for one run, or return the answer it already got.

    Raises:
        InvalidRequest: the key is empty or too long.
        IdempotencyMismatch: the key belongs to a different request.
        Conflict: the request with this key is running right now.
    """
    if not key.strip() or len(key) > MAX_KEY_LENGTH or "\x00" in key:
        raise InvalidRequest(
            fields={"Idempotency-Key": [f"Give between 1 and {MAX_KEY_LENGTH} characters."]}
        )
    locked_until = now + LEASE
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, [organization.pk, key, request_fingerprint, locked_until, b"", now])
        inserted = cursor.fetchone()
    if inserted:
        return Claim(inserted[0], locked_until)
    record = IdempotencyRecord.objects.for_org(organization).filter(key=key).first()
    if record is None:  # purged or given up between the two statements
        raise Conflict(retry_after=_RETRY_AFTER_SECONDS)
    return _claim_again(record, request_fingerprint, now)


def _claim_again(
    record: IdempotencyRecord, request_fingerprint: str, now: datetime
) -> Claim | Replay:
    if record.fingerprint != request_fingerprint:
        raise IdempotencyMismatch
    if record.response_status is not None:
        return Replay(record.response_status, str(record.response_body))
    if record.locked_until is not None and record.locked_until > now:
        raise Conflict(retry_after=_RETRY_AFTER_SECONDS)
    locked_until = now + LEASE
    taken = IdempotencyRecord.objects.filter(
        pk=record.pk, locked_until=record.locked_until, response_status=None
    ).update(locked_until=locked_until)
    if not taken:
        raise Conflict(retry_after=_RETRY_AFTER_SECONDS)
    return Claim(record.pk, locked_until)


def store_answer(*, claim: Claim, status: int, body: str) -> bool:
    """Keep the final answer; say whether the lease was still ours."""
    return bool(_held(claim).update(response_status=status, response_body=body, locked_until=None))


def release_claim(*, claim: Claim) -> None:
    """Give the key back without an answer: the next request with it runs."""
    _held(claim).update(locked_until=None)


def purge_records(*, now: datetime) -> int:
    """Delete answers older than seven days, in batches; return how many."""
    purged = 0
    while True:
        old = IdempotencyRecord.objects.filter(created_at__lt=now - KEPT_FOR).values("pk")
        count, _ = IdempotencyRecord.objects.filter(pk__in=old[:_PURGE_BATCH]).delete()
        purged += count
        if count < _PURGE_BATCH:
            return purged


def _held(claim: Claim) -> QuerySet[IdempotencyRecord]:
    return IdempotencyRecord.objects.filter(
        pk=claim.record_id, locked_until=claim.locked_until, response_status=None
    )
