"""Who may command a reader: session keys, kept encrypted and only as long as they hold.

They are kept so that a till can have a reader stopped while another process waits for its answer,
and so that we know a session of ours that nobody ended.
"""

import dataclasses
import json
import logging
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import redis
from django.core.cache import cache

from billing.drivers.cardconnect.models import (
    GatewayTransaction,
    TransactionKind,
    TransactionState,
)
from billing.enums import LIVE_ATTEMPTS
from billing.models import PaymentAttempt
from orgs import clock, crypto

LASTS = timedelta(minutes=10)
# No payment takes longer: a session that has less left may end in the middle of one.
_ENOUGH = timedelta(minutes=4)
_KEY = re.compile(r"[0-9a-fA-F]{32}")

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True)
class Session:
    """Our session at a reader. `key` is empty while, or because, `connect` was not answered.

    `reference` is that of the try which it was asked for.
    """

    hsn: str
    reference: str
    expires_at: datetime
    key: str = dataclasses.field(default="", repr=False)

    @property
    def is_short(self) -> bool:
        """Say whether it may end before a payment does."""
        return self.expires_at - clock.now() < _ENOUGH


def asked_for(hsn: str, reference: str) -> Session:
    """Return a session that is about to be asked for."""
    return Session(hsn, reference, clock.now() + LASTS)


def answered(asked: Session, header: str) -> Session | None:
    """Return the session in the header that `connect` is answered with; None for one without."""
    key, _, rest = header.partition(";")
    if not _KEY.fullmatch(key.strip()):
        return None
    return dataclasses.replace(asked, key=key.strip(), expires_at=_expiry(rest, asked.expires_at))


def _expiry(rest: str, latest: datetime) -> datetime:
    """Return when a session ends; by the documented ten minutes where clocks go differently."""
    try:
        told = datetime.fromisoformat(rest.strip().removeprefix("expires="))
    except ValueError:
        return latest
    told = told if told.tzinfo else told.replace(tzinfo=UTC)
    return told if clock.now() < told < latest else latest


def keep(account_id: UUID, session: Session) -> None:
    """Keep a session until it ends. Without Redis its till can't stop it; the payment goes on."""
    left = (session.expires_at - clock.now()).total_seconds()
    fields = dataclasses.asdict(session) | {"expires_at": session.expires_at.isoformat()}
    sealed = crypto.encrypt(json.dumps(fields).encode()).decode()
    try:
        cache.set(_name(account_id, session.hsn), sealed, timeout=max(1, int(left)))
    except (redis.RedisError, OSError):
        logger.warning("cardconnect.session_not_kept", extra={"reference": session.reference})


def of_reader(account_id: UUID, hsn: str) -> Session | None:
    """Return the session that we have at a reader, as far as we know."""
    try:
        sealed = cache.get(_name(account_id, hsn))
        fields: dict[str, Any] = json.loads(crypto.decrypt(sealed.encode())) if sealed else {}
    except (redis.RedisError, OSError, crypto.DecryptionFailed):
        return None
    if not fields:
        return None
    return Session(**fields | {"expires_at": datetime.fromisoformat(fields["expires_at"])})


def drop(account_id: UUID, session: Session) -> None:
    """Forget a session that has ended, unless the reader has another one by now."""
    kept = of_reader(account_id, session.hsn)
    if kept is None or (kept.reference, kept.key) != (session.reference, session.key):
        return
    try:
        cache.delete(_name(account_id, session.hsn))
    except (redis.RedisError, OSError):
        logger.warning("cardconnect.session_not_dropped", extra={"reference": session.reference})


def is_left_behind(session: Session) -> bool:
    """Say whether a session is our own and serves nobody: the try that it was for is over.

    Only what our own rows say counts: a session of a try that we know nothing of is somebody's.
    """
    sales = GatewayTransaction.objects.filter(
        kind=TransactionKind.SALE, reference=session.reference
    )
    if sales.exclude(state=TransactionState.SENT).exists():
        return True
    tries = PaymentAttempt.objects.filter(our_reference=session.reference)
    return tries.exclude(state__in=LIVE_ATTEMPTS).exists()


def _name(account_id: UUID, hsn: str) -> str:
    return f"cardconnect:reader:{account_id}:{hsn}"
