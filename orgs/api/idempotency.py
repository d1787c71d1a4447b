"""The `Idempotency-Key` header on writes: claimed before the view runs, answered after."""

import logging
import re

from django.db import DatabaseError
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from rest_framework import status
from rest_framework.response import Response

from orgs.api.requests import ApiRequest
from orgs.models import Organization
from orgs.services import idempotency

HEADER = "Idempotency-Key"
REPLAYED_HEADER = "Idempotent-Replayed"
METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_TENANT_SPELLING = re.compile(r"^(?P<api>/api/v\d+/billing)/tenants/[^/]+(?=/|$)")
_NEVER_FINAL = frozenset(
    {
        status.HTTP_202_ACCEPTED,
        status.HTTP_401_UNAUTHORIZED,
        status.HTTP_403_FORBIDDEN,
        status.HTTP_429_TOO_MANY_REQUESTS,
    }
)

logger = logging.getLogger(__name__)


class Replayed(Exception):
    """This request was answered before: the view does not run."""

    def __init__(self, replay: idempotency.Replay) -> None:
        self.replay = replay
        super().__init__()


def canonical_path(path: str) -> str:
    """Return one spelling for all spellings of an address."""
    return _TENANT_SPELLING.sub(r"\g<api>", path).rstrip("/")


def begin(request: ApiRequest, organization: Organization) -> idempotency.Claim | None:
    """Claim the request's key; None when it carries none.

    Raises:
        Replayed: it was answered before.
        InvalidRequest: the key is empty or too long.
        IdempotencyMismatch: the key belongs to a different request.
        Conflict: the request with this key is running right now.
    """
    key = request.headers.get(HEADER)
    if key is None or request.method not in METHODS:
        return None
    http = request._request  # noqa: SLF001 - the raw body, before anybody parses it
    path = canonical_path(http.path)
    query = http.META.get("QUERY_STRING", "")
    outcome = idempotency.claim_key(
        organization=organization,
        key=key,
        request_fingerprint=idempotency.fingerprint(
            method=str(http.method), path=f"{path}?{query}", body=http.body
        ),
        now=timezone.now(),
    )
    if isinstance(outcome, idempotency.Replay):
        raise Replayed(outcome)
    request.idempotency_key = key
    return outcome


def finish(claim: idempotency.Claim, response: HttpResponseBase) -> None:
    """Keep the answer if it is final; otherwise let the same key run again.

    A database that fails here costs the replay, not the answer: the caller gets what happened.
    """
    try:
        if is_final(response) and isinstance(response, HttpResponse):
            if isinstance(response, Response):
                response.render()
            idempotency.store_answer(
                claim=claim, status=response.status_code, body=response.content.decode()
            )
        else:
            idempotency.release_claim(claim=claim)
    except DatabaseError:
        logger.exception("idempotency.not_stored", extra={"record": claim.record_id})


def is_final(response: HttpResponseBase) -> bool:
    """Say whether the same request would get this answer for ever."""
    return not (
        response.status_code in _NEVER_FINAL
        or response.status_code >= status.HTTP_500_INTERNAL_SERVER_ERROR
        or response.has_header("Retry-After")
        or response.streaming
    )


def replayed_response(replay: idempotency.Replay) -> HttpResponse:
    """Return the stored answer, byte for byte."""
    response = HttpResponse(
        replay.body.encode(), status=replay.status, content_type="application/json"
    )
    if not replay.body:
        del response["Content-Type"]
    response[REPLAYED_HEADER] = "true"
    return response
