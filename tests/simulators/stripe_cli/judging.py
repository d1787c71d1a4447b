"""Whether a trigger went as it should: its event came, or it was refused for the known reason."""

import json
import re
from collections.abc import Collection
from dataclasses import dataclass

from tests.simulators.stripe_cli.tool import Ran

_BODY = re.compile(r"body=(\{.*\})", re.DOTALL)


@dataclass(frozen=True)
class Verdict:
    """How it went, with the refusal's own words."""

    event: str
    outcome: str
    reason: str = ""

    @property
    def good(self) -> bool:
        """Say whether that was expected."""
        return self.outcome in ("ok", "refused")


def reason_of(output: str) -> str:
    """Return the message of the error that the CLI stopped at."""
    found = _BODY.search(output)
    if found is not None:
        try:
            error = json.loads(found[1])["error"]
        except (ValueError, KeyError):
            pass
        else:
            param = f" ({error['param']})" if error.get("param") else ""
            return f"{error['message']}{param}"
    lines = [line for line in output.strip().splitlines() if line]
    return lines[-1] if lines else "no output"


def judge(
    event: str, ran: Ran, sent: Collection[str], *, wanted: str, refusal: str | None
) -> Verdict:
    """Return how a trigger went.

    `wanted`: the type that has to be among the events sent. `refusal`: words that the refusal
    must have, where one is right.
    """
    if ran.code != 0:
        reason = reason_of(ran.output)
        known = refusal is not None and refusal in reason
        return Verdict(event, "refused" if known else "FAILED", reason)
    if refusal is not None:
        return Verdict(event, "FAILED", f"was to be refused: {refusal}")
    if wanted not in sent:
        return Verdict(event, "FAILED", f"only sent {', '.join(sorted(sent)) or 'nothing'}")
    return Verdict(event, "ok")
