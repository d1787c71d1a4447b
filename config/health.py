"""What an orchestrator asks: is the process up, can it work, and how is it doing."""

import functools
import hmac
import logging
import time
from collections.abc import Callable
from typing import TypeVar

import prometheus_client
import redis
from django.conf import settings
from django.db import Error as DatabaseFailure
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

HEARTBEAT_KEY = "till:worker:heartbeat"
HEARTBEAT_FRESH_SECONDS = 90
_REDIS_SECONDS = 1.0

logger = logging.getLogger(__name__)

ResponseT = TypeVar("ResponseT", bound=HttpResponse)


class NotReady(Exception):
    """Why a check fails, in words that anybody may read."""


@require_safe
def healthz(_request: HttpRequest) -> JsonResponse:
    """Say that the process is up; asks nobody else."""
    return _uncached(JsonResponse({"status": "ok"}))


@require_safe
def readyz(_request: HttpRequest) -> JsonResponse:
    """Say, check by check, whether this installation can work; 503 when one fails."""
    results = {name: _run(name, check) for name, check in _CHECKS.items()}
    is_ready = all(result["ok"] for result in results.values())
    return _uncached(
        JsonResponse(
            {"status": "ok" if is_ready else "failing", "checks": results},
            status=200 if is_ready else 503,
        )
    )


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Give the numbers to staff, and to a collector that knows METRICS_TOKEN."""
    if not _may_read_metrics(request):
        if request.headers.get("Authorization"):
            return HttpResponse(status=401, headers={"WWW-Authenticate": 'Bearer realm="metrics"'})
        raise Http404
    return _uncached(
        HttpResponse(
            prometheus_client.generate_latest(), content_type=prometheus_client.CONTENT_TYPE_LATEST
        )
    )


def _may_read_metrics(request: HttpRequest) -> bool:
    expected = settings.METRICS_TOKEN
    offered = request.headers.get("Authorization", "")
    if expected and hmac.compare_digest(offered.encode(), f"Bearer {expected}".encode()):
        return True
    return request.user.is_active and bool(getattr(request.user, "is_staff", False))


def _run(name: str, check: Callable[[], None]) -> dict[str, object]:
    started = time.perf_counter()
    result: dict[str, object] = {"ok": True}
    try:
        check()
    except NotReady as error:
        result = {"ok": False, "reason": str(error)}
    except (DatabaseFailure, redis.RedisError, OSError) as error:
        logger.warning("readiness.failed", extra={"check": name, "error": str(error)})
        result = {"ok": False, "reason": "not reachable"}
    result["ms"] = round((time.perf_counter() - started) * 1000, 1)
    return result


def _check_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


@functools.cache
def _check_migrations() -> None:
    """Pass once and for ever: neither the code of a process changes, nor is anything unapplied."""
    executor = MigrationExecutor(connection)
    waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if waiting:
        raise NotReady(f"{len(waiting)} migrations are not applied")


def _check_redis() -> None:
    with _redis() as client:
        client.ping()


def _check_worker() -> None:
    with _redis() as client:
        beat = client.get(HEARTBEAT_KEY)
    if beat is None:
        raise NotReady("no worker has reported yet")
    age = time.time() - float(str(beat))
    if age > HEARTBEAT_FRESH_SECONDS:
        raise NotReady(f"the last worker reported {age:.0f} seconds ago")


def _redis() -> redis.Redis:
    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=_REDIS_SECONDS,
        socket_connect_timeout=_REDIS_SECONDS,
        decode_responses=True,
    )


_CHECKS: dict[str, Callable[[], None]] = {
    "database": _check_database,
    "migrations": _check_migrations,
    "redis": _check_redis,
    "worker": _check_worker,
}


def _uncached(response: ResponseT) -> ResponseT:
    response["Cache-Control"] = "no-store"
    return response
