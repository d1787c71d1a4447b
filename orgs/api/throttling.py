"""Rate limits that let requests pass when Redis is down: a limit is no reason to lose a payment."""

import logging
import math

import redis
from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.throttling import ScopedRateThrottle
from rest_framework.views import APIView

logger = logging.getLogger(__name__)


class ScopedThrottle(ScopedRateThrottle):
    """Counts per caller and `throttle_scope` of the view."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Say whether the request may pass."""
        try:
            return super().allow_request(request, view)
        except (redis.RedisError, OSError):
            logger.warning("throttle.skipped", extra={"scope": getattr(view, "throttle_scope", "")})
            return True


class _Page(APIView):
    """Stands for a page where a throttle expects a view."""

    def __init__(self, scope: str) -> None:
        self.throttle_scope = scope
        super().__init__()


def seconds_to_wait(request: HttpRequest, scope: str) -> int | None:
    """Count one use of a page; None when it may pass, else the seconds until the next."""
    throttle = ScopedThrottle()
    if throttle.allow_request(request, _Page(scope)):  # type: ignore[arg-type]  # asks for META and user
        return None
    return max(1, math.ceil(throttle.wait() or 1))
