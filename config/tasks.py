"""The worker's sign of life."""

import time
from typing import Any

import redis
from celery import shared_task
from django.conf import settings

HEARTBEAT_KEY = "till:worker:heartbeat"
_KEEP_SECONDS = 24 * 3600


@shared_task(name="config.heartbeat")
def heartbeat(**_future: Any) -> None:
    """Write down that a worker takes jobs from the queue and finishes them."""
    with redis.Redis.from_url(settings.REDIS_URL) as connection:
        connection.set(HEARTBEAT_KEY, str(int(time.time())), ex=_KEEP_SECONDS)
