"""Why something changed."""

import dataclasses
from typing import Literal


@dataclasses.dataclass(frozen=True, slots=True)
class Cause:
    """What set a change off: shown to people, so an id or a name and never a payload.

    `kind` is webhook, request, resolver, sweep, staff or checkout.
    """

    kind: Literal["webhook", "request", "resolver", "sweep", "staff", "checkout"]
    id: str = ""
    detail: str = ""

    def as_json(self) -> dict[str, str]:
        """Return the cause as it is stored."""
        return dataclasses.asdict(self)
