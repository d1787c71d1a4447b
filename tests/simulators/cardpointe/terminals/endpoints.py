"""The endpoints of the terminal service: what they need, and who does their work."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.simulators.cardpointe import Json
from tests.simulators.cardpointe.terminals import (
    commands,
    parameters,
    payments,
    prompts,
    refusals,
    sessions,
)
from tests.simulators.cardpointe.terminals.commands import Desk
from tests.simulators.cardpointe.terminals.job import Job
from tests.simulators.cardpointe.terminals.operations import Work
from tests.simulators.cardpointe.terminals.refusals import TerminalError

Instant = Callable[[Desk, Job], Json | None]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An operation. It is done at once, or is work that waits for people at the reader."""

    instant: Instant | None = None
    work: Callable[[Job], Work] | None = None
    required: tuple[str, ...] = ()
    # About one reader, and by whoever has its session.
    hsn: bool = True
    session: bool = True
    # While the reader is busy, in merchant mode, or not connected.
    while_busy: bool = False
    while_in_merchant_mode: bool = False
    while_unplugged: bool = False
    prompt_length: int | None = None


ENDPOINTS = {
    "listTerminals": Endpoint(commands.list_terminals, hsn=False, session=False),
    "terminalDetails": Endpoint(commands.terminal_details, hsn=False, session=False),
    "preconnect": Endpoint(commands.preconnect, session=False),
    # These know themselves what to say of a busy reader.
    "connect": Endpoint(commands.connect, session=False, while_busy=True),
    "disconnect": Endpoint(
        commands.disconnect, session=False, while_busy=True, while_unplugged=True
    ),
    "ping": Endpoint(work=commands.ping, while_in_merchant_mode=True, while_unplugged=True),
    "dateTime": Endpoint(commands.set_clock, required=("dateTime",)),
    "display": Endpoint(commands.display),
    "clearDisplay": Endpoint(commands.clear_display),
    "cancel": Endpoint(commands.cancel, while_busy=True, while_unplugged=True),
    "readConfirmation": Endpoint(work=prompts.read_confirmation, required=("prompt",)),
    "readInput": Endpoint(work=prompts.read_input, required=("prompt", "format")),
    "readSignature": Endpoint(work=prompts.read_signature, prompt_length=16),
    "readCard": Endpoint(work=prompts.read_card, required=("amount",)),
    "readManual": Endpoint(work=prompts.read_card),
    "authCard": Endpoint(work=payments.take, required=("amount",)),
    "authManual": Endpoint(work=payments.take, required=("amount",)),
    "tip": Endpoint(work=prompts.tip, required=("amount", "prompt")),
    "printReceipt": Endpoint(lambda _desk, job: payments.print_again(job), required=("orderId",)),
}


def check(desk: Desk, endpoint: Endpoint, job: Job) -> None:
    """Refuse a call that its endpoint does not let through.

    Raises:
        TerminalError: with the first reason there is.
    """
    for name in endpoint.required:
        if job.given.get(name) in (None, ""):
            raise refusals.missing(name)
    parameters.check(job.given, prompt_length=endpoint.prompt_length)
    if not endpoint.hsn:
        return
    hsn, busy_status = job.reader["hsn"], int(desk.world.setting("terminal_busy_status"))
    if job.reader["merchant_mode"] and not endpoint.while_in_merchant_mode:
        text = f"hsn: {hsn} is currently in merchant mode"
        raise TerminalError(refusals.MERCHANT_MODE, text, status=busy_status)
    if endpoint.session:
        sessions.check(desk.world, job.reader, job.session_key)
    if desk.floor.at(job.reader) is not None and not endpoint.while_busy:
        raise commands.in_use(desk, job)
    if not job.reader["plugged"] and not endpoint.while_unplugged:
        raise refusals.not_connected(hsn)
