"""A till with its reader, and what the tests of payments in person do with both."""

import dataclasses
from datetime import datetime, timedelta
from typing import Any

from billing.drivers import registry
from billing.enums import AttemptState
from billing.models import BillingEvent, Case, PaymentAttempt
from billing.services import resolve
from billing.types import Cause, ReaderSnapshot
from orgs.errors import DomainError
from orgs.models import Organization
from terminals.models import Terminal, TerminalPayment
from terminals.services import (
    asking,
    canceling,
    capturing,
    ending,
    late_sales,
    payments,
    processing,
    refunding,
    registering,
    running,
)
from tests.terminals.scripted_bank import Bank, Sale
from tests.terminals.scripted_readers import ScriptedReaders

BASKET = 1250
REQUEST = Cause("request", id="trace")
PATHS = {
    "cardconnect": "tests.terminals.scripted_readers.WaitingReaders",
    "stripe": "tests.terminals.scripted_readers.ToldReaders",
}


@dataclasses.dataclass
class Till:
    """One reader of an organization. `now` goes on by `wait`."""

    organization: Organization
    provider: str
    terminal: Terminal
    now: datetime

    @property
    def driver(self) -> Any:
        return registry.get_driver(self.provider)

    @property
    def bank(self) -> Bank:
        bank: Bank = self.driver.bank
        return bank

    @property
    def is_blocking(self) -> bool:
        return bool(self.driver.capabilities.blocking_readers)

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    # --- What a till asks for --------------------------------------------------------------------

    def request(self, **more: Any) -> payments.PaymentRequest:
        fields = {"terminal_id": self.terminal.pk, "amount_minor": BASKET, **more}
        return payments.PaymentRequest(**fields)

    def open(self, **more: Any) -> TerminalPayment:
        return payments.open_payment(
            organization=self.organization,
            request=self.request(**more),
            cause=REQUEST,
            now=self.now,
        ).payment

    def sell(self, act: str = "approve", **more: Any) -> TerminalPayment:
        """Open a payment, start the reader, and let a card be held to it."""
        payment = self.open(**more)
        self.present(payment, act)
        return self.again(payment)

    def present(self, payment: TerminalPayment, act: str = "approve") -> None:
        """Hold a card to the reader of a payment that was started."""
        if self.is_blocking:
            self.bank.acts.append(act)
            self.work()
            return
        self.driver.hold_card(self.again(payment).external_id, act)
        self.tell(payment)

    def process(self, payment: TerminalPayment) -> TerminalPayment:
        return processing.process(**self._about(payment))

    def cancel(self, payment: TerminalPayment) -> TerminalPayment:
        return canceling.cancel(**self._about(payment))

    def capture(self, payment: TerminalPayment, amount: int | None = None) -> TerminalPayment:
        return capturing.capture(**self._about(payment), amount_minor=amount)

    def refund(self, payment: TerminalPayment, amount: int | None = None, **more: Any) -> Any:
        return refunding.refund(**self._about(payment), amount_minor=amount, **more)

    def _about(self, payment: TerminalPayment) -> dict[str, Any]:
        return {
            "organization": self.organization,
            "payment_id": payment.pk,
            "cause": REQUEST,
            "now": self.now,
        }

    # --- What goes on meanwhile ------------------------------------------------------------------

    def work(self) -> list[DomainError | None]:
        """Do what workers do: start readers that wait for it."""
        waiting = PaymentAttempt.objects.filter(
            kind="terminal", state=AttemptState.CREATED, provider="cardconnect"
        )
        return [
            running.run(attempt_id=pk, cause=REQUEST, now=self.now)
            for pk in waiting.values_list("pk", flat=True)
        ]

    def tell(self, payment: TerminalPayment) -> None:
        """Have an event tell of a payment."""
        from billing import handlers  # noqa: PLC0415 - as dispatch finds it
        from billing.services import projection  # noqa: PLC0415 - as above
        from billing.types import SubjectNews  # noqa: PLC0415 - as above

        desk = handlers.of_subject("sale")
        assert desk is not None
        external_id = self.again(payment).external_id
        news = SubjectNews(self.provider, external_id, our_id=str(payment.pk))
        fetched_at = projection.database_now()
        answer = desk.ask(news)
        cause = Cause("webhook", id="evt_1")
        desk.apply(news, answer, fetched_at=fetched_at, cause=cause, now=self.now)

    def late_word(self, payment: TerminalPayment) -> None:
        """Have the provider's word on the first try come in after all."""
        first = PaymentAttempt.objects.filter(obligation=payment.obligation_id).order_by("number")
        asking.ask(first[0], REQUEST, self.now)

    def sweep(self) -> None:
        """Do what beat starts, once."""
        resolve.resolve_due(now=self.now)
        self.work()
        ending.finish_due(now=self.now)
        late_sales.void_due(now=self.now)

    def settle_down(self, seconds: int = 600, step: int = 10) -> None:
        """Let the sweeps go on until nothing is open to doubt."""
        for _ in range(0, seconds, step):
            self.sweep()
            self.wait(step)

    # --- What came of it -------------------------------------------------------------------------

    def again(self, payment: TerminalPayment) -> TerminalPayment:
        return TerminalPayment.objects.select_related("terminal", "obligation").get(pk=payment.pk)

    def tries(self, payment: TerminalPayment) -> list[str]:
        rows = PaymentAttempt.objects.filter(obligation=payment.obligation_id).order_by("number")
        return list(rows.values_list("state", flat=True))

    def attempt(self, payment: TerminalPayment) -> PaymentAttempt:
        rows = PaymentAttempt.objects.filter(obligation=payment.obligation_id)
        return rows.order_by("-number")[:1].get()

    def told(self, payment: TerminalPayment) -> list[str]:
        """The verbs of a payment's lines on the timeline, oldest first."""
        rows = BillingEvent.objects.for_org(self.organization).filter(object_id=str(payment.pk))
        types = rows.order_by("sequence").values_list("type", flat=True)
        return [type_.rpartition(".")[2] for type_ in types]

    def cases(self) -> list[str]:
        rows = Case.objects.for_org(self.organization).order_by("created_at")
        return list(rows.values_list("state", flat=True))

    def charged(self) -> list[Sale]:
        return self.bank.charged()


def open_till(
    settings: Any, organization: Organization, provider: str, now: datetime, reader: str = "R1"
) -> Till:
    """Register a reader that is switched on."""
    settings.PAYMENT_DRIVERS = {**settings.PAYMENT_DRIVERS, **PATHS}
    driver: Any = registry.get_driver(provider)
    assert isinstance(driver, ScriptedReaders)
    driver.bank = Bank()
    return more_till(organization, provider, now, reader)


def more_till(organization: Organization, provider: str, now: datetime, reader: str) -> Till:
    """Register one more reader at the same bank."""
    driver: Any = registry.get_driver(provider)
    driver.bank.readers[reader] = ReaderSnapshot(reader, is_online=True, last_seen_at=now)
    terminal = registering.register_terminal(
        organization=organization,
        provider=provider,
        external_id=reader,
        label=f"Till {reader}",
        now=now,
    )
    return Till(organization, provider, terminal, now)
