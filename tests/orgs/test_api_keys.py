import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orgs.errors import InvalidRequest
from orgs.models import ApiKey, KeyMode, Organization
from orgs.services import api_keys
from tests.factories import make_api_key

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)


class TestCreateApiKey:
    @pytest.mark.parametrize("mode", KeyMode)
    def test_keeps_the_hash_and_shows_the_text_once(self, org: Organization, mode: KeyMode) -> None:
        key, token = make_api_key(org, "usage:write", "billing:read", mode=mode)

        start = f"till_{mode}_"
        assert token.startswith(start)
        assert len(token) >= len(start) + 32
        stored = ApiKey.objects.get()
        assert stored.key_hash == hashlib.sha256(token.encode()).hexdigest()
        assert stored.prefix == token[: len(start) + 6]
        assert stored.scopes == ["billing:read", "usage:write"]
        assert stored.mode == mode
        assert stored == key
        assert token not in str(vars(stored))

    def test_never_makes_the_same_key_twice(self, org: Organization) -> None:
        assert make_api_key(org)[1] != make_api_key(org)[1]

    @pytest.mark.parametrize(
        ("scopes", "message"),
        [
            ([], "Choose at least one scope."),
            (["billing:read", "admin:*"], "Unknown: admin:*."),
        ],
    )
    def test_refuses_scopes_that_do_not_exist(
        self, org: Organization, scopes: list[str], message: str
    ) -> None:
        with pytest.raises(InvalidRequest) as caught:
            api_keys.create_api_key(
                organization=org, name="X", scopes=scopes, mode=KeyMode.TEST, created_by=None
            )

        assert caught.value.fields == {"scopes": [message]}
        assert ApiKey.objects.count() == 0


class TestAuthenticateKey:
    def test_recognizes_a_key_in_one_query(
        self, org: Organization, django_assert_num_queries: Any
    ) -> None:
        key, token = make_api_key(org)
        ApiKey.objects.update(last_used_at=NOW)

        with django_assert_num_queries(1):
            found = api_keys.authenticate_key(token=token, now=NOW)
            assert found == key
            assert found.organization == org

    def test_refuses_a_key_that_nobody_made(self, org: Organization) -> None:
        _, token = make_api_key(org)

        assert api_keys.authenticate_key(token=f"{token}x", now=NOW) is None

    def test_refuses_a_revoked_key(self, org: Organization) -> None:
        key, token = make_api_key(org)
        api_keys.revoke_api_key(key=key, now=NOW)

        assert api_keys.authenticate_key(token=token, now=NOW) is None
        key.refresh_from_db()
        assert key.last_used_at is None

    def test_notes_the_use_at_most_once_a_minute(self, org: Organization) -> None:
        key, token = make_api_key(org)

        uses = []
        for seconds in (0, 30, 60, 61):
            api_keys.authenticate_key(token=token, now=NOW + timedelta(seconds=seconds))
            key.refresh_from_db()
            uses.append(key.last_used_at)

        assert uses == [NOW, NOW, NOW, NOW + timedelta(seconds=61)]


class TestRevokeApiKey:
    def test_keeps_the_moment_of_the_first_revocation(self, org: Organization) -> None:
        key, _ = make_api_key(org)

        assert api_keys.revoke_api_key(key=key, now=NOW) is True
        assert api_keys.revoke_api_key(key=key, now=NOW + timedelta(days=1)) is False
        key.refresh_from_db()
        assert key.revoked_at == NOW
