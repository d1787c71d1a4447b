"""Refunds that are only begun, or without an answer: given once, and absent only for certain."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from billing.drivers.base import DriverUnavailable, OutcomeUnknown
from billing.drivers.cardconnect import calls, queued_refunds
from billing.engine.rails import ChargeOrder, RefundOrder, RefundResult
from tests.billing.cardconnect.gateway_steps import (
    LATER,
    SENT_AT,
    SOON,
    live,
    rail,
    refund_of,
    refunded,
)
from tests.simulators.cardpointe.client import CardPointeSimulator

pytestmark = pytest.mark.usefixtures("account")


class TestOnlyBegun:
    """Nobody knows of a refund that one process is about to try whether it will be given."""

    def begin(
        self, wanted: RefundOrder, monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[], None]
    ) -> None:
        """Begin a refund; the gateway does not answer the first question about its charge."""

        def ask(*_asked: object) -> list[dict[str, Any]]:
            meanwhile()
            raise DriverUnavailable("API_ERROR", detail="inquireByOrderid_no_answer")

        with monkeypatch.context() as patch:
            patch.setattr(calls, "inquire_by_order", ask)
            rail.refund_charge(wanted)

    def test_whoever_asks_meanwhile_is_not_told_that_it_waits(
        self, charge_id: str, renewal: ChargeOrder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        wanted = refund_of(renewal, charge_id, 1900)

        def rival() -> None:
            with pytest.raises(OutcomeUnknown):
                rail.find_refund(wanted, sent_at=SENT_AT, now=SOON)

        with pytest.raises(DriverUnavailable):
            self.begin(wanted, monkeypatch, rival)

        assert rail.find_refund(wanted, sent_at=SENT_AT, now=SOON) is None

    def test_it_is_not_sent_once_somebody_was_told_that_there_is_none(
        self,
        simulator: CardPointeSimulator,
        settled: str,
        renewal: ChargeOrder,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        wanted = refund_of(renewal, settled, 1900)
        ask = calls.inquire_by_order

        def slowly(*asked: Any) -> list[dict[str, Any]]:
            monkeypatch.setattr(calls, "inquire_by_order", ask)
            in_a_minute = timezone.now() + timedelta(seconds=61)
            assert rail.find_refund(wanted, sent_at=SENT_AT, now=in_a_minute) is None
            return ask(*asked)

        monkeypatch.setattr(calls, "inquire_by_order", slowly)

        with pytest.raises(OutcomeUnknown):
            rail.refund_charge(wanted)

        assert refunded(simulator) == []
        assert rail.find_refund(wanted, sent_at=SENT_AT, now=LATER) is None


class TestNoAnswer:
    def test_one_that_went_through_is_found(
        self, simulator: CardPointeSimulator, renewal: ChargeOrder, settled: str
    ) -> None:
        wanted = refund_of(renewal, settled, 1900)
        simulator.add_fault("drop_after", op="refund")
        with pytest.raises(OutcomeUnknown):
            rail.refund_charge(wanted)
        with pytest.raises(OutcomeUnknown):
            rail.refund_charge(wanted)

        found = rail.find_refund(wanted, sent_at=SENT_AT, now=SOON)

        assert found is not None
        assert found.state == "succeeded"
        assert refunded(simulator) == [1900]

    def test_one_that_did_not_is_absent_only_later(
        self, simulator: CardPointeSimulator, renewal: ChargeOrder, settled: str
    ) -> None:
        wanted = refund_of(renewal, settled, 1900)
        simulator.add_fault("drop_before", op="refund")
        with pytest.raises(OutcomeUnknown):
            rail.refund_charge(wanted)

        with pytest.raises(OutcomeUnknown):
            rail.find_refund(wanted, sent_at=SENT_AT, now=SOON)
        later = timezone.now() + timedelta(seconds=41)
        assert rail.find_refund(wanted, sent_at=SENT_AT, now=later) is None

        assert rail.refund_charge(refund_of(renewal, settled)).state == "succeeded"
        assert refunded(simulator) == [4900]

    def test_one_that_was_not_begun_in_time_never_is(
        self, simulator: CardPointeSimulator, renewal: ChargeOrder, settled: str
    ) -> None:
        wanted = refund_of(renewal, settled)

        with pytest.raises(OutcomeUnknown):
            rail.find_refund(wanted, sent_at=SENT_AT, now=SOON)
        assert rail.find_refund(wanted, sent_at=SENT_AT, now=LATER) is None

        assert rail.refund_charge(wanted).state == "failed"
        assert refunded(simulator) == []

    def test_a_void_that_went_through_is_found(
        self, simulator: CardPointeSimulator, renewal: ChargeOrder, charge_id: str
    ) -> None:
        wanted = refund_of(renewal, charge_id)
        simulator.add_fault("drop_after", op="void")
        simulator.add_fault("inquiry_down", skip=1)
        with pytest.raises(OutcomeUnknown):
            rail.refund_charge(wanted)

        found = rail.find_refund(wanted, sent_at=SENT_AT, now=SOON)

        assert found == RefundResult("succeeded", external_id=charge_id)
        assert live(simulator, renewal.reference) == []

    def test_nothing_is_kept_of_one_that_nobody_could_be_asked_about(
        self, simulator: CardPointeSimulator, renewal: ChargeOrder, settled: str
    ) -> None:
        wanted = refund_of(renewal, settled)
        simulator.add_fault("inquiry_down")

        with pytest.raises(DriverUnavailable):
            rail.refund_charge(wanted)

        assert rail.find_refund(wanted, sent_at=SENT_AT, now=SOON) is None
        assert refunded(simulator) == []

    def test_a_limit_met_by_one_that_waits_leaves_it_waiting(
        self, simulator: CardPointeSimulator, renewal: ChargeOrder, charge_id: str
    ) -> None:
        wanted = refund_of(renewal, charge_id, 1900)
        rail.refund_charge(wanted)
        simulator.close_batches()
        simulator.add_fault("http_429", op="refund", retry_after=5)

        assert queued_refunds.send_queued(now=timezone.now() + timedelta(hours=2)) == []
        assert rail.find_refund(wanted, sent_at=SENT_AT, now=LATER) == RefundResult("pending")
        assert len(queued_refunds.send_queued(now=timezone.now() + timedelta(hours=4))) == 1
        assert refunded(simulator) == [1900]

    def test_a_limit_frees_what_was_reserved(
        self, simulator: CardPointeSimulator, renewal: ChargeOrder, settled: str
    ) -> None:
        simulator.add_fault("http_429", op="refund", retry_after=5)
        with pytest.raises(DriverUnavailable):
            rail.refund_charge(refund_of(renewal, settled))

        assert rail.refund_charge(refund_of(renewal, settled)).state == "succeeded"
        assert refunded(simulator) == [4900]
