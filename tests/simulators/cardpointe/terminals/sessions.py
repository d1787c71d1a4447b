"""Sessions: who may command a reader. One per reader, ten minutes from its beginning."""

import datetime as dt
import hashlib

from tests.simulators.cardpointe import Json
from tests.simulators.cardpointe.terminals import readers
from tests.simulators.cardpointe.terminals.refusals import GENERIC, TerminalError
from tests.simulators.cardpointe.world import World

HEADER = "X-CardConnect-SessionKey"
LASTS_S = 600
_KIND = "_session"


def begin(world: World, reader: Json) -> str:
    """Begin a session in the place of any other; return the header that tells of it."""
    count = world.number("session", 9)
    secret = hashlib.sha256(f"session {world.seed} {count}".encode()).hexdigest()[:32]
    row = {
        "hsn": reader["hsn"],
        "site": reader["site"],
        "key": secret,
        "expires": world.now() + LASTS_S,
    }
    world.store.put(_KIND, readers.key(reader["site"], reader["hsn"]), row)
    expires = dt.datetime.fromtimestamp(row["expires"], dt.UTC)
    return f"{secret};expires={expires:%Y-%m-%dT%H:%M:%S}.482Z"


def running(world: World, reader: Json) -> Json | None:
    """Return the session a reader has now."""
    row = world.store.find(_KIND, readers.key(reader["site"], reader["hsn"]))
    return row if row is not None and world.now() < row["expires"] else None


def is_of(world: World, reader: Json, given: str) -> bool:
    """Say whether a key is that of a reader's session. The rest of connect's header is ignored."""
    row = running(world, reader)
    return row is not None and row["key"] == given.partition(";")[0].strip()


def check(world: World, reader: Json, given: str | None) -> None:
    """Let nobody pass but the session that runs.

    Raises:
        TerminalError: there is no key, or it is another's or too old.
    """
    if not given:
        raise TerminalError(GENERIC, "SessionKey header is required")
    if not is_of(world, reader, given):
        raise TerminalError(GENERIC, f"Session key for hsn {reader['hsn']} was not valid")


def end(world: World, reader: Json) -> None:
    """Forget a reader's session."""
    world.store.remove(_KIND, readers.key(reader["site"], reader["hsn"]))


def shown(world: World) -> list[Json]:
    """Return the sessions that run, without their keys."""
    now = world.now()
    rows = [row for row in world.store.rows(_KIND) if now < row["expires"]]
    return [{name: row[name] for name in ("hsn", "site", "expires")} for row in rows]
