"""Keys of sessions at readers: which answers hold one, and how they are kept."""

import dataclasses
from datetime import timedelta
from typing import Any

import pytest
import redis
from django.core.cache import cache
from django.utils import timezone

from billing.drivers.cardconnect.terminals import sessions
from billing.drivers.cardconnect.terminals.sessions import Session
from billing.models import MerchantAccount
from billing.types import SaleOrder
from orgs import clock
from tests.billing.cardconnect.reader_steps import SESSION_KEY, run
from tests.simulators.cardpointe.client import CardPointeSimulator
from tests.simulators.cardpointe.terminals.readers import HSN


class TestTold:
    @pytest.mark.parametrize(
        "header", ["", "abc", f"x{SESSION_KEY}", ";expires=2030-01-01T00:00:00Z"]
    )
    def test_what_is_no_key_is_none(self, header: str) -> None:
        assert sessions.answered(sessions.asked_for(HSN, "REF"), header) is None

    def test_ends_when_it_is_told_or_after_ten_minutes(self) -> None:
        now = timezone.now()
        asked_for = sessions.asked_for(HSN, "REF")
        soon = (now + timedelta(minutes=3)).replace(microsecond=0)

        told = sessions.answered(asked_for, f"{SESSION_KEY};expires={soon:%Y-%m-%dT%H:%M:%S}.000Z")
        late = sessions.answered(asked_for, f"{SESSION_KEY};expires=2099-01-01T00:00:00Z")
        past = sessions.answered(asked_for, f"{SESSION_KEY};expires=2018-09-25T16:26:48.482Z")
        other = sessions.answered(asked_for, f"{SESSION_KEY};until=tomorrow")

        assert told is not None
        assert (told.key, told.expires_at, told.is_short) == (SESSION_KEY, soon, True)
        for one in (late, past, other):
            assert one is not None
            assert one.expires_at == asked_for.expires_at
            assert not one.is_short

    def test_a_key_is_never_printed(self) -> None:
        assert SESSION_KEY not in repr(Session(HSN, "REF", clock.now(), SESSION_KEY))


class TestKept:
    def test_is_sealed(self, counter: MerchantAccount) -> None:
        session = dataclasses.replace(sessions.asked_for(HSN, "REF"), key=SESSION_KEY)

        sessions.keep(counter.pk, session)

        assert sessions.of_reader(counter.pk, HSN) == session
        assert SESSION_KEY not in str(cache.get(f"cardconnect:reader:{counter.pk}:{HSN}"))

    def test_another_accounts_reader_is_another(self, counter: MerchantAccount) -> None:
        sessions.keep(counter.pk, sessions.asked_for(HSN, "REF"))

        assert sessions.of_reader(MerchantAccount().pk, HSN) is None

    def test_only_its_own_is_dropped(self, counter: MerchantAccount) -> None:
        sessions.keep(counter.pk, sessions.asked_for(HSN, "NEW"))

        sessions.drop(counter.pk, sessions.asked_for(HSN, "OLD"))

        assert sessions.of_reader(counter.pk, HSN) is not None

    def test_without_redis_the_payment_goes_on(
        self, simulator: CardPointeSimulator, order: SaleOrder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: Any, **__: Any) -> None:
            raise redis.ConnectionError

        for name in ("get", "set", "delete"):
            monkeypatch.setattr(type(cache._connections["default"]), name, fail)  # type: ignore[attr-defined]

        assert run(order).state == "succeeded"
