"""A gateway in memory for the engine's tests: it does what it is told, and remembers everything.

Real gateways are tried over HTTP, in their own tests and in tests/contract.
"""

import dataclasses
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from billing.drivers.base import Capabilities, DriverError, DriverUnavailable, OutcomeUnknown
from billing.engine.driver import EngineDriver
from billing.engine.models import EngineInvoice
from billing.engine.rails import (
    ChargeOrder,
    ChargeResult,
    DeclineKind,
    Rail,
    RefundOrder,
    RefundResult,
)
from billing.enums import Provider
from billing.types import CardDetails, PaymentMethodSnapshot

DECLINED = ChargeResult("failed", decline_code="insufficient_funds", decline_kind=DeclineKind.SOFT)
HARD = ChargeResult("failed", decline_code="stolen_card", decline_kind=DeclineKind.HARD)
FIX = ChargeResult("failed", decline_code="expired_card", decline_kind=DeclineKind.FIX_DATA)
STOP = ChargeResult("failed", decline_code="stopped", decline_kind=DeclineKind.STOP)
BUSY = ChargeResult("failed", decline_code="try_again", decline_kind=DeclineKind.TRANSIENT)
LOST = OutcomeUnknown("API_ERROR", detail="timeout")
DOWN = DriverUnavailable("API_ERROR", detail="refused")


@dataclasses.dataclass
class ScriptedRail:
    """`answers` are taken one by one; without one a charge succeeds.

    A lost answer's charge went through unless it is in `never_arrived`.
    """

    answers: list[ChargeResult | DriverError] = dataclasses.field(default_factory=list)
    orders: list[ChargeOrder] = dataclasses.field(default_factory=list)
    taken: dict[str, ChargeResult] = dataclasses.field(default_factory=dict)
    voided: list[str] = dataclasses.field(default_factory=list)
    refunds: list[RefundOrder] = dataclasses.field(default_factory=list)
    refund_answers: list[RefundResult | DriverError] = dataclasses.field(default_factory=list)
    methods: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    loses_requests: bool = False
    can_say: bool = True
    can_void: bool = True
    open_states: list[str] = dataclasses.field(default_factory=list)

    def charge(self, order: ChargeOrder) -> ChargeResult:
        self.orders.append(order)
        row = EngineInvoice.objects.get(attempt__our_reference=order.reference)
        self.open_states.append(f"{row.status} {row.charge_state}")
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, DriverError):
            if isinstance(answer, OutcomeUnknown) and not self.loses_requests:
                self._take(order)
            raise answer
        return answer or self._take(order)

    def _take(self, order: ChargeOrder) -> ChargeResult:
        assert order.reference not in self.taken, "the same reference was charged twice"
        self.taken[order.reference] = ChargeResult("succeeded", f"ret{len(self.taken) + 1}")
        return self.taken[order.reference]

    def find_charge(
        self, order: ChargeOrder, *, sent_at: datetime, now: datetime
    ) -> ChargeResult | None:
        if not self.can_say:
            raise LOST
        return self.taken.get(order.reference)

    def void_charge(self, order: ChargeOrder, *, charge_id: str) -> bool:
        self.voided.append(charge_id)
        return self.can_void

    def refund_charge(self, order: RefundOrder) -> RefundResult:
        self.refunds.append(order)
        answer = self.refund_answers.pop(0) if self.refund_answers else None
        if isinstance(answer, DriverError):
            raise answer
        return answer or RefundResult("succeeded", f"ref{len(self.refunds)}")

    def find_refund(
        self, order: RefundOrder, *, sent_at: datetime, now: datetime
    ) -> RefundResult | None:
        if not self.can_say:
            raise LOST
        return RefundResult("succeeded", "found") if order in self.refunds else None

    def save_method(
        self,
        *,
        organization_id: UUID,
        payer_id: str,
        payment_method: str,
        card: CardDetails | None,
        idempotency_key: str,
    ) -> PaymentMethodSnapshot:
        self.methods.setdefault(payer_id, []).insert(0, payment_method)
        return _shown(payment_method)

    def methods_of(self, *, organization_id: UUID, payer_id: str) -> list[PaymentMethodSnapshot]:
        return [_shown(name) for name in self.methods.get(payer_id, [])]

    def forget_method(self, method_id: str) -> None:
        for names in self.methods.values():
            if method_id in names:
                names.remove(method_id)

    @property
    def total(self) -> int:
        """What was taken in all, in minor units."""
        return sum(o.amount_minor for o in self.orders if o.reference in self.taken)


def _shown(name: str) -> PaymentMethodSnapshot:
    return PaymentMethodSnapshot(name, "card", "visa", "4242", 12, 2030, name)


class ScriptedDriver(EngineDriver):
    """The engine with a scripted gateway."""

    name: ClassVar[Provider] = Provider.CARDCONNECT
    capabilities: ClassVar[Capabilities] = Capabilities(
        hosted_checkout=False,
        signed_webhooks=False,
        subscriptions=True,
        mirror=False,
        payment_methods=True,
        portal=False,
    )

    def __init__(self, rail: ScriptedRail | None = None) -> None:
        self.gateway = rail or ScriptedRail()

    def rail(self) -> Rail:
        return self.gateway
