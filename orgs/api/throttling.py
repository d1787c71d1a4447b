"""Rate limits that let requests pass when Redis is down: a limit is no reason to lose a payment."""

import logging

import redis
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
