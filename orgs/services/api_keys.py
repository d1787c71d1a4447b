"""API keys: made, revoked and recognized. A key is shown once; only its hash is kept."""

import hashlib
import logging
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta

from django.db.models import Q

from orgs.errors import InvalidRequest
from orgs.models import ApiKey, KeyMode, Organization, User
from orgs.permissions import Scope

TOKEN_PREFIX = "till_"  # noqa: S105 - what all keys begin with
_RANDOM_BYTES = 32
_SHOWN_CHARACTERS = 6
_TOUCH_EVERY = timedelta(minutes=1)

logger = logging.getLogger(__name__)


def create_api_key(
    *,
    organization: Organization,
    name: str,
    scopes: Collection[str],
    mode: KeyMode,
    created_by: User | None,
) -> tuple[ApiKey, str]:
    """Store a new key and return it with its text, which nobody can read again.

    Raises:
        InvalidRequest: no scope, or one that does not exist.
    """
    unknown = sorted(set(scopes) - set(Scope))
    if unknown or not scopes:
        message = f"Unknown: {', '.join(unknown)}." if unknown else "Choose at least one scope."
        raise InvalidRequest(fields={"scopes": [message]})
    start = f"{TOKEN_PREFIX}{mode.value}_"
    token = start + secrets.token_urlsafe(_RANDOM_BYTES)
    key = ApiKey.objects.create(
        organization=organization,
        name=name,
        prefix=token[: len(start) + _SHOWN_CHARACTERS],
        key_hash=_hash(token),
        scopes=sorted({str(scope) for scope in scopes}),
        mode=mode,
        created_by=created_by,
    )
    logger.info(
        "api_key.created", extra={"org": str(organization.pk), "key_id": str(key.pk), "mode": mode}
    )
    return key, token


def revoke_api_key(*, key: ApiKey, now: datetime) -> bool:
    """Make a key worthless from now on; say whether it still worked."""
    revoked = ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(
        revoked_at=now, updated_at=now
    )
    if revoked:
        logger.info(
            "api_key.revoked", extra={"org": str(key.organization_id), "key_id": str(key.pk)}
        )
    return bool(revoked)


def authenticate_key(*, token: str, now: datetime) -> ApiKey | None:
    """Recognize a key, with its organization, in one query; None when it opens nothing.

    The time of use is noted at most once a minute.
    """
    key = (
        ApiKey.objects.filter(key_hash=_hash(token), revoked_at=None)
        .select_related("organization")
        .first()
    )
    if key is not None and (key.last_used_at is None or key.last_used_at < now - _TOUCH_EVERY):
        stale = Q(last_used_at=None) | Q(last_used_at__lt=now - _TOUCH_EVERY)
        ApiKey.objects.filter(stale, pk=key.pk).update(last_used_at=now)
    return key


def _hash(token: str) -> str:
    # 256 random bits need no salt and no slow hash.
    return hashlib.sha256(token.encode()).hexdigest()
