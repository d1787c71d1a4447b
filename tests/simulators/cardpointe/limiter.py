"""The test environment's limit of calls: 20 a minute and address for four of the endpoints."""

from collections import deque

from tests.simulators.cardpointe.refusal import HttpError
from tests.simulators.cardpointe.world import World

_WINDOW_S = 60
LIMITED = {"funding", "inquire", "profile", "settlestat"}


class Limiter:
    """Counts calls by address, on the virtual clock."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.seen: dict[tuple[str, str], deque[int]] = {}

    def pass_through(self, op: str, address: str) -> dict[str, str]:
        """Count a call; return the header of what remains, or refuse with 429."""
        limit = self.world.setting("rate_limit")
        if op not in LIMITED or not limit:
            return {}
        now = self.world.now()
        bucket = "all" if self.world.setting("rate_limit_joint") else op
        calls = self.seen.setdefault((address, bucket), deque())
        while calls and calls[0] <= now - _WINDOW_S:
            calls.popleft()
        if len(calls) >= limit:
            wait = str(calls[0] + _WINDOW_S - now)
            raise HttpError(429, "Too Many Requests", X_Rate_Limit_Retry_After_Seconds=wait)
        calls.append(now)
        return {"X-Rate-Limit-Remaining": str(limit - len(calls))}
