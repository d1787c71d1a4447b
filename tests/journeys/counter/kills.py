"""A real readers' worker, killed again and again while cards are at its readers: `kill -9`.

Each time some payments are under way at readers of their own, whose people need a second or so.
What the dead worker left is made to look as old as it would be once nothing can arrive any more,
and asked about; then the next worker comes. The gateway's books are the judge.
"""

import json
import logging
import os
import random
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from tests.journeys import workplace

if TYPE_CHECKING:
    from config.demo_system import System
    from orgs.models import Organization
    from tests.simulators.cardpointe.client import CardPointeSimulator

READERS, AMOUNT = 6, 1250
_LONGER_AGO = timedelta(seconds=210)
_LONGEST_S = 2.0
_WITHIN_S = 90.0


def main(times: int) -> None:
    """Kill so many times, and say in a line of JSON what came of it."""
    workplace.move_in("counterkills")
    logging.disable(logging.CRITICAL)

    from django.conf import settings  # noqa: PLC0415 - needs Django

    from tests.simulators.cardpointe.client import CardPointeSimulator  # noqa: PLC0415 - same

    with (
        CardPointeSimulator.start() as gateway,
        tempfile.TemporaryDirectory() as folder,
        mock.patch.object(settings, "CARDCONNECT_API_BASE", gateway.base_url),
        mock.patch.object(settings, "CARDCONNECT_MODE", "test"),
    ):
        gateway.settings(rate_limit=0, close_hour=None)
        found = _Killing(gateway, Path(folder)).run(times)
    sys.stdout.write(json.dumps(found) + "\n")


class _Killing:
    """The worker, and who kills it."""

    def __init__(self, gateway: "CardPointeSimulator", folder: Path) -> None:
        self.gateway, self.folder = gateway, folder
        self.chance = random.Random(5)  # noqa: S311 - not secrecy
        self.caught, self.faults = 0, list[str]()
        self.system = self._system()
        self.organization, self.terminals = self._shop()

    def _system(self) -> "System":
        from config.demo_system import System  # noqa: PLC0415 - needs Django

        return System(
            port=1,
            simulator_port=1,
            cardpointe_port=int(self.gateway.base_url.rpartition(":")[2]),
            state_dir=self.folder,
            database_url=os.environ["DATABASE_URL"],
            redis_url=os.environ["REDIS_URL"],
            webhook_secret="whsec_none",
        )

    def _shop(self) -> tuple["Organization", list[Any]]:
        from django.utils import timezone  # noqa: PLC0415 - needs Django

        from orgs.models import Organization  # noqa: PLC0415 - same
        from terminals.services import registering  # noqa: PLC0415 - same
        from tests.billing.cardconnect.reader_steps import open_counter  # noqa: PLC0415 - same

        organization = Organization.objects.create(name="Bistro", slug="bistro", email="a@b.test")
        open_counter()
        terminals = []
        for number in range(READERS):
            self.gateway.put_reader(f"KILL{number}")
            terminals.append(
                registering.register_terminal(
                    organization=organization,
                    provider="cardconnect",
                    external_id=f"KILL{number}",
                    now=timezone.now(),
                )
            )
        return organization, terminals

    def run(self, times: int) -> dict[str, Any]:
        """Kill it, ask about what it left, and judge."""
        began = time.monotonic()
        for number in range(times):
            self._sell(number)
            self._kill()
            self._ask(number)
            sys.stderr.write(f"{time.monotonic() - began:5.0f} s: {number + 1} of {times} killed\n")
        figures = {"caught at a reader": self.caught, **self._judge()}
        return {"kills": times, "faults": self.faults, "figures": figures}

    def _sell(self, number: int) -> None:
        """Open a payment at each reader; people need a moment."""
        from django.utils import timezone  # noqa: PLC0415 - needs Django

        from billing.types import Cause  # noqa: PLC0415 - same
        from terminals.services import payments  # noqa: PLC0415 - same

        for terminal in self.terminals:
            wait = self.chance.choice((0.2, 1, 2))
            outcome = self.chance.choice(("approve", "approve", "gateway_lost", "no_action"))
            self.gateway.plug(terminal.external_id)
            self.gateway.script(terminal.external_id, outcome, wait=wait)
            payments.open_payment(
                organization=self.organization,
                request=payments.PaymentRequest(
                    terminal_id=terminal.pk,
                    amount_minor=AMOUNT,
                    reference=f"{terminal.external_id}-{number}",
                ),
                cause=Cause("request", id="kill"),
                now=timezone.now(),
            )

    def _kill(self) -> None:
        """Start a worker, and end it once it is at its readers."""
        worker = self.system.readers(concurrency=READERS)
        worker.start()
        deadline = time.monotonic() + _WITHIN_S
        while not self._at_reader() and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(self.chance.uniform(0, _LONGEST_S))
        self.caught += self._at_reader()
        worker.kill()
        self._leave()

    def _leave(self) -> None:
        """Let people do what they were about to, and the gateway what it still has to.

        What was lost on its way there comes half a minute later: the past of our rows alone would
        be asked about before that.
        """
        time.sleep(_LONGEST_S + 0.5)
        for terminal in self.terminals:
            self.gateway.act(terminal.external_id, cancel=True)
        self.gateway.advance(int(_LONGER_AGO.total_seconds()))
        deadline = time.monotonic() + _WITHIN_S
        while self._at_reader() and time.monotonic() < deadline:  # busy machines take longer
            time.sleep(0.05)

    def _at_reader(self) -> int:
        return sum(row["operation"] == "authCard" for row in self.gateway.readers())

    def _ask(self, number: int) -> None:
        """Let as much time pass as it takes, ask, and end what a reader never had."""
        from django.db.models import F  # noqa: PLC0415 - needs Django
        from django.utils import timezone  # noqa: PLC0415 - same

        from billing.drivers.cardconnect.models import GatewayTransaction  # noqa: PLC0415 - same
        from billing.enums import LIVE_ATTEMPTS  # noqa: PLC0415 - same
        from billing.models import PaymentAttempt  # noqa: PLC0415 - same
        from billing.services import resolve  # noqa: PLC0415 - same
        from billing.types import Cause  # noqa: PLC0415 - same
        from terminals.models import TerminalPayment  # noqa: PLC0415 - same
        from terminals.services import canceling  # noqa: PLC0415 - same

        live = PaymentAttempt.objects.filter(state__in=LIVE_ATTEMPTS)
        GatewayTransaction.objects.filter(
            reference__in=list(live.values_list("our_reference", flat=True))
        ).update(sent_at=F("sent_at") - _LONGER_AGO)
        now = timezone.now()
        live.update(
            sent_at=F("sent_at") - _LONGER_AGO,
            created_at=F("created_at") - _LONGER_AGO,
            resolve_after=now,
        )
        resolve.resolve_due(now=now)
        for payment in TerminalPayment.objects.filter(reference__endswith=f"-{number}"):
            if payment.status in ("in_progress", "unknown") or payment.holds_reader:
                self.faults.append(f"{payment} is not decided after kill {number + 1}")
            if payment.status not in ("succeeded", "canceled"):
                cause = Cause("request", id="kill")
                canceling.cancel(
                    organization=self.organization, payment_id=payment.pk, cause=cause, now=now
                )

    def _judge(self) -> dict[str, int]:
        """Compare the gateway's books with our rows."""
        from billing.models import PaymentAttempt  # noqa: PLC0415 - needs Django
        from terminals.models import TerminalPayment  # noqa: PLC0415 - same
        from tests.journeys.counter import books  # noqa: PLC0415 - same

        names = PaymentAttempt.objects.filter(kind="terminal").values_list(
            "our_reference", "obligation__terminal_payment__reference"
        )
        baskets = dict(names)
        kept: dict[str, int] = {}
        for row in self.gateway.transactions(kind="auth"):
            sale = books.at_gateway(row, baskets.get(row["orderid"], ""))
            kept[sale.basket] = kept.get(sale.basket, 0) + sale.kept
        paid = 0
        for payment in TerminalPayment.objects.all():
            said = payment.captured_minor - payment.refunded_minor
            paid += said > 0
            if kept.get(payment.reference, 0) != said or said > AMOUNT:
                self.faults.append(f"{kept.get(payment.reference, 0)} was kept for {payment}")
        return {"payments": TerminalPayment.objects.count(), "paid": paid}


if __name__ == "__main__":
    main(int(sys.argv[1]))
