"""Readers through Stripe's driver, and the secret for a till's own SDK."""

from datetime import UTC, datetime, timedelta

import pytest

from billing.drivers.base import DriverRejected, ObjectMissing
from billing.types import ReaderRef, ReaderSnapshot
from tests.billing import stripe_builders as build
from tests.billing.stripe_terminal_cases import LOCATION, till
from tests.simulators.stripe.client import StripeSimulator


class TestRetrieve:
    def test_says_how_a_reader_is_doing(self, stripe: StripeSimulator) -> None:
        reader = till(stripe).reader

        found = build.driver().retrieve_reader(ReaderRef(reader))

        now = datetime.fromtimestamp(stripe.now(), UTC)
        assert found.last_seen_at is not None
        assert abs(now - found.last_seen_at) < timedelta(minutes=1)
        assert found == ReaderSnapshot(
            external_id=reader,
            is_online=True,
            label="Till 1",
            device_type="simulated_wisepos_e",
            location=LOCATION,
            last_seen_at=found.last_seen_at,
        )

    def test_one_that_is_off(self, stripe: StripeSimulator) -> None:
        reader = till(stripe).reader
        stripe.set_reader(reader, online=False)

        assert not build.driver().retrieve_reader(ReaderRef(reader)).is_online

    def test_one_that_was_given_up(self, stripe: StripeSimulator) -> None:
        reader = till(stripe).reader
        stripe.api("DELETE", f"/v1/terminal/readers/{reader}")

        with pytest.raises(ObjectMissing):
            build.driver().retrieve_reader(ReaderRef(reader))

    def test_one_that_there_is_not(self, stripe: StripeSimulator) -> None:
        with pytest.raises(ObjectMissing):
            build.driver().retrieve_reader(ReaderRef("tmr_none"))


class TestList:
    def test_names_every_reader_with_few_calls(
        self, stripe: StripeSimulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        wanted = {till(stripe).reader for _ in range(3)}
        monkeypatch.setattr("billing.drivers.stripe.readers._PER_PAGE", 2)

        found = [one.external_id for one in build.driver().list_readers(None)]

        assert wanted <= set(found)
        assert len(found) == len(set(found))

    def test_a_page_has_a_hundred(self, stripe: StripeSimulator) -> None:
        before = stripe.calls_so_far()

        build.driver().list_readers(None)

        assert stripe.requests(since=before)[0]["params"]["limit"] == "100"


class TestConnectionToken:
    def test_is_good_for_one_place(self, stripe: StripeSimulator) -> None:
        secret = build.driver().create_connection_token(location=LOCATION)

        assert secret.startswith("pst_test_")
        (made,) = (row for row in _tokens(stripe) if row["params"])
        assert made["params"] == {"location": LOCATION}

    def test_a_place_with_a_name_of_ours_is_none_of_stripes(self, stripe: StripeSimulator) -> None:
        before = stripe.calls_so_far()

        assert build.driver().create_connection_token(location="By the door")

        assert stripe.requests(since=before)[0]["params"] == {}

    def test_a_place_that_there_is_not(self, stripe: StripeSimulator) -> None:
        with pytest.raises(DriverRejected):
            build.driver().create_connection_token(location="tml_none")


def _tokens(stripe: StripeSimulator) -> list[dict[str, object]]:
    return [row for row in stripe.requests() if row["path"].endswith("/connection_tokens")][-1:]
