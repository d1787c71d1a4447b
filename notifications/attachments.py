"""Files that go with a mail: made when it is sent, by whoever registered for its kind.

They are not stored with the message: the maker looks up what the message is about, so a mail that
is sent late, or again, carries the file as it is by then.
"""

import dataclasses
from collections.abc import Callable, Sequence

from notifications.models import Message


@dataclasses.dataclass(frozen=True, slots=True)
class Attachment:
    """One file."""

    name: str
    content: bytes = dataclasses.field(repr=False)
    mimetype: str = "application/octet-stream"


Maker = Callable[[Message], Sequence[Attachment]]
_makers: dict[str, Maker] = {}


def register(kind: str, maker: Maker) -> None:
    """Have `maker` called whenever a mail of a kind is sent; outside any transaction.

    If it raises, the mail counts as not sent and is tried again.
    """
    _makers[kind] = maker


def made_for(message: Message) -> Sequence[Attachment]:
    """Return the files of a message; none where nobody registered for its kind."""
    maker = _makers.get(message.kind)
    return maker(message) if maker else ()
