"""How the terminal service asks the gateway on its own: as anybody would, with all its troubles."""

from collections.abc import Generator
from typing import Any

from tests.simulators.cardpointe import Json, pending
from tests.simulators.cardpointe.call import Call
from tests.simulators.cardpointe.faults import Fault
from tests.simulators.cardpointe.fields import Fields
from tests.simulators.cardpointe.merchants import Merchant
from tests.simulators.cardpointe.routing import Handler
from tests.simulators.cardpointe.terminals import refusals
from tests.simulators.cardpointe.terminals.job import Job
from tests.simulators.cardpointe.terminals.operations import Pause

# Faults that keep the service waiting, besides those of calls that never came.
_SILENT = ("late_commit", "drop_after", "processor_timeout")

Asking = Generator[Pause, Json | None, Any]


class NoAnswer(Exception):
    """The gateway said nothing that could be used."""


def merchant(job: Job) -> Merchant:
    """Return who is paid: another merchant ID of the same customer, if the call names one.

    Raises:
        TerminalError: it is not one of the same customer.
    """
    named = job.text("authMerchantId")
    found = job.world.merchant(job.merchant.site, named) if named else job.merchant
    if found is None or found.api_key != job.merchant.api_key:
        raise refusals.invalid("Invalid value for param: 'authMerchantId'.")
    return found


def call(job: Job, body: Json, path: tuple[str, ...] = ()) -> Call:
    """Return a call of the gateway."""
    paid = merchant(job)
    body = {"merchid": paid.merchid, **body}
    return Call(job.world, paid, Fields(body), path=path, body=body)


def ask(
    job: Job,
    op: str,
    handler: Handler,
    body: Json,
    *,
    path: tuple[str, ...] = (),
    fault: Fault | None = None,
) -> Asking:
    """Ask the gateway; a fault may meet this call as it meets those of others.

    Raises:
        NoAnswer: it said nothing that could be used.
    """
    job.asked.append(op)
    asked = call(job, body, path)
    fault = fault or job.gateway.faults.take(op, {**asked.body, "hsn": job.reader["hsn"]})
    if fault is None:
        return job.gateway.perform(handler, asked)
    asked.fault = fault
    if fault.kind == "slow":
        yield Pause(until=job.running.at + fault.seconds, deaf=True)
    if fault.kind == "late_commit":
        pending.put_off(job.world, op, asked, seconds=fault.seconds)
    is_done = _is_done(fault)
    if fault.is_unheard or fault.kind in _SILENT:
        lasts = float(job.world.setting("terminal_gateway_s"))
        yield Pause(until=job.running.at + lasts, deaf=True)
    answer = job.gateway.perform(handler, asked) if is_done else None
    if not is_done or fault.kind in ("drop_after", "truncate") or fault.status is not None:
        raise NoAnswer
    return answer


def _is_done(fault: Fault) -> bool:
    """Say whether the gateway does at once what it was asked for."""
    if fault.status is not None:
        return fault.commit
    return not fault.is_unheard and fault.kind != "late_commit"
