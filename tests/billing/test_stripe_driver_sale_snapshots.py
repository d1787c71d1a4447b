"""What Stripe's words for a card that was there become: states, ways of reading and of proving."""

from typing import Any

import pytest

from billing.drivers.stripe import sale_snapshots
from billing.types import CardPresent
from tests.billing.stripe_event_steps import obj

HELD = "payment_intent.amount_capturable_updated"


def charge(**card: Any) -> dict[str, Any]:
    made: dict[str, Any] = obj("charge.refunded.uncaptured")
    made["payment_method_details"]["card_present"] |= card
    return made


def intent(**changes: Any) -> dict[str, Any]:
    return {**obj(HELD), "latest_charge": charge(), **changes}


def card_of(**card: Any) -> CardPresent:
    found = sale_snapshots.sale(intent(latest_charge=charge(**card))).card
    assert found is not None
    return found


def action(status: str, code: str | None = None) -> dict[str, Any]:
    return {"status": status, "failure_code": code}


WAITS = {"status": "requires_payment_method", "latest_charge": None, "last_payment_error": None}
ERROR = {"code": "card_declined", "decline_code": "insufficient_funds"}


class TestState:
    @pytest.mark.parametrize(
        ("status", "state"),
        [
            ("requires_confirmation", "in_progress"),
            ("requires_action", "in_progress"),
            ("processing", "in_progress"),
            ("requires_capture", "requires_capture"),
            ("succeeded", "succeeded"),
            ("canceled", "canceled"),
        ],
    )
    def test_is_the_intents(self, status: str, state: str) -> None:
        assert sale_snapshots.sale(intent(status=status)).state == state

    @pytest.mark.parametrize(
        ("error", "about", "state", "code"),
        [
            (None, None, "requires_terminal", ""),
            (None, action("in_progress"), "in_progress", ""),
            (None, action("succeeded"), "in_progress", ""),
            (None, action("failed", "customer_canceled"), "canceled", ""),
            (None, action("failed", "connection_error"), "requires_terminal", ""),
            (None, action("failed", "card_read_failed"), "declined", "card_read_failed"),
            (ERROR, None, "declined", "insufficient_funds"),
            (ERROR, action("in_progress"), "in_progress", ""),
            (ERROR, action("failed", "card_declined"), "declined", "insufficient_funds"),
            (ERROR, action("failed", "customer_canceled"), "canceled", ""),
            (ERROR, action("failed", "connection_error"), "requires_terminal", ""),
            ({"code": "expired_card"}, None, "declined", "expired_card"),
        ],
    )
    def test_or_else_the_readers(
        self, error: Any, about: dict[str, Any] | None, state: str, code: str
    ) -> None:
        found = sale_snapshots.sale(intent(**WAITS | {"last_payment_error": error}), about)

        assert (found.state, found.decline_code) == (state, code)
        assert found.client_secret

    def test_a_charge_that_was_declined_holds_nothing(self) -> None:
        declined = charge(amount_authorized=None) | {"paid": False}
        raw = intent(**WAITS | {"latest_charge": declined, "last_payment_error": ERROR})

        found = sale_snapshots.sale(raw)

        assert (found.authorized_minor, found.captured_minor) == (0, 0)
        assert found.card is not None

    def test_a_charge_that_was_not_expanded_says_nothing(self) -> None:
        found = sale_snapshots.sale(intent(latest_charge="ch_1"))

        assert (found.card, found.authorized_minor, found.capture_before) == (None, 0, None)

    @pytest.mark.parametrize(("authorized", "minor"), [(1800, 1800), (None, 1500)])
    def test_the_card_says_what_was_authorized(self, authorized: int | None, minor: int) -> None:
        raw = intent(latest_charge=charge(amount_authorized=authorized))

        assert sale_snapshots.sale(raw).authorized_minor == minor


class TestCard:
    @pytest.mark.parametrize(
        ("read", "mode"),
        [
            ("contact_emv", "chip"),
            ("contactless_emv", "contactless"),
            ("contactless_magstripe_mode", "contactless"),
            ("magnetic_stripe_fallback", "swipe"),
            ("magnetic_stripe_track2", "swipe"),
            ("by_thought", ""),
            (None, ""),
        ],
    )
    def test_how_it_was_read(self, read: str | None, mode: str) -> None:
        assert card_of(read_method=read).entry_mode == mode

    @pytest.mark.parametrize(
        ("method", "wallet", "proof"),
        [
            ("offline_pin", None, "pin"),
            ("online_pin", None, "pin"),
            ("offline_pin_and_signature", None, "pin"),
            ("signature", None, "signature"),
            ("none", None, "none"),
            ("approval", None, "none"),
            ("failure", None, ""),
            (None, None, ""),
            ("none", {"type": "apple_pay"}, "device"),
            (None, {"type": "google_pay"}, "device"),
            ("online_pin", {"type": "apple_pay"}, "pin"),
        ],
    )
    def test_how_its_holder_was_known(
        self, method: str | None, wallet: dict[str, str] | None, proof: str
    ) -> None:
        receipt = {"cardholder_verification_method": method}

        assert card_of(receipt=receipt, wallet=wallet).verification == proof

    def test_a_card_without_a_receipt(self) -> None:
        card = card_of(receipt=None, brand=None, last4=None)

        assert (card.brand, card.last4, card.aid, dict(card.emv)) == ("", "", "", {})
