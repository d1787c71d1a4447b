"""Calls of the terminal service that nobody has to wait for a cardholder with."""

from dataclasses import dataclass

from tests.simulators.cardpointe import Json
from tests.simulators.cardpointe.terminals import readers, refusals, sessions
from tests.simulators.cardpointe.terminals.job import Job
from tests.simulators.cardpointe.terminals.operations import Floor, Pause, Work
from tests.simulators.cardpointe.terminals.refusals import TerminalError
from tests.simulators.cardpointe.world import World

# How long the service looks for a reader that is not there.
_PING_S = 15


@dataclass(slots=True)
class Desk:
    """Where the calls come in: the world, and what runs in it."""

    world: World
    floor: Floor
    # The key of the session that was begun, for the answer's header.
    session_header: str = ""


def list_terminals(desk: Desk, job: Job) -> Json:
    """Name a merchant's readers."""
    merchant = job.merchant
    found = readers.of_merchant(desk.world, merchant.site, merchant.merchid)
    return {"terminals": [row["hsn"] for row in found]}


def terminal_details(desk: Desk, job: Job) -> Json:
    """Tell how a merchant's readers are; no session is needed."""
    merchant = job.merchant
    found = readers.of_merchant(desk.world, merchant.site, merchant.merchid)
    return {"terminalDetails": [readers.details(row) for row in found]}


def preconnect(desk: Desk, job: Job) -> Json:
    """Put the second factor on the display."""
    if not job.reader["two_factor"]:
        raise refusals.invalid("Two-factor authentication is not enabled")
    token = int(desk.world.number("preconnect", 6)) or 1
    job.reader["token"] = token
    job.show(str(token))
    return {"token": token}


def connect(desk: Desk, job: Job) -> None:
    """Begin a session; by force it ends another's, and what that one is doing."""
    reader, hsn = job.reader, job.reader["hsn"]
    if reader["two_factor"]:
        _check_token(job)
    if job.is_on("force", default=False):
        desk.floor.stop(reader)
    elif desk.floor.at(reader) is not None:
        raise in_use(desk, job)
    elif sessions.running(desk.world, reader) is not None:
        raise TerminalError(refusals.GENERIC, f"Session exists for hsn {hsn}")
    if desk.floor.at(reader) is not None:
        # What cannot be stopped: the gateway is being asked.
        raise in_use(desk, job)
    reader["token"] = None
    readers.touch(desk.world, reader)
    desk.session_header = sessions.begin(desk.world, reader)


def _check_token(job: Job) -> None:
    if job.given.get("token") in (None, ""):
        raise refusals.missing("token")
    if str(job.given["token"]) != str(job.reader["token"]):
        raise refusals.invalid("Incorrect token")


def in_use(desk: Desk, job: Job) -> TerminalError:
    """Return what is said of a reader that is busy."""
    text = f"Terminal {job.reader['hsn']} is already in use"
    status = int(desk.world.setting("terminal_busy_status"))
    return TerminalError(refusals.IN_USE, text, status=status)


def disconnect(desk: Desk, job: Job) -> None:
    """End a session; what the reader is doing goes on."""
    if not job.session_key:
        raise TerminalError(refusals.GENERIC, "SessionKey header is required")
    if not sessions.is_of(desk.world, job.reader, job.session_key):
        raise refusals.invalid("Session key for hsn was not valid")
    sessions.end(desk.world, job.reader)


def cancel(desk: Desk, job: Job) -> None:
    """Ask the reader to stop; the answer proves nothing."""
    desk.floor.stop(job.reader)


def set_clock(_desk: Desk, job: Job) -> None:
    """Set the reader's clock."""
    job.reader["clock"] = job.text("dateTime")
    readers.touch(job.world, job.reader)


def display(_desk: Desk, job: Job) -> None:
    """Put a text on the display."""
    job.show(job.text("text"))


def clear_display(_desk: Desk, job: Job) -> None:
    """Empty the display."""
    job.show("")


def ping(job: Job) -> Work:
    """Say whether the reader is there; it takes a while to find out that it is not."""
    if not job.reader["plugged"]:
        yield Pause(until=job.running.at + _PING_S, deaf=True)
    return {"connected": job.reader["plugged"]}
