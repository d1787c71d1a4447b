"""Run Stripe's triggers against the simulator: `python -m tests.simulators.stripe_cli [EVENT …]`.

Exits with 1 when one does not go as expected, with 2 when the CLI cannot be had.
"""

import sys
import time

from tests.contract import spec_from_sdk
from tests.simulators.stripe.client import StripeSimulator
from tests.simulators.stripe_cli import tool
from tests.simulators.stripe_cli.expected import OTHER_PRODUCTS, PORTAL, REFUSED, SENT_AS
from tests.simulators.stripe_cli.judging import Verdict, judge

_PATIENCE_S = 2


def _known_events() -> list[str]:
    """Return what the CLI can trigger, as its help lists it."""
    listed = tool.run("trigger", "--help").output
    _head, _, rest = listed.partition("Supported events:\n")
    return [line.strip() for line in rest.partition("\n\n")[0].splitlines()]


def _in_scope(event: str) -> bool:
    return not any(event == name or event.startswith(f"{name}.") for name in OTHER_PRODUCTS)


def _sent(simulator: StripeSimulator, awaited: str, since: int) -> set[str]:
    """Return the types of the events so far; what is due now comes with the clock's next tick."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        types = {event["type"] for event in simulator.events()[since:]}
        if awaited in types or time.monotonic() > deadline:
            return types
        time.sleep(0.05)


def _try(simulator: StripeSimulator, event: str) -> Verdict:
    simulator.reset()
    # An account has this from the dashboard, so the CLI does not make it.
    simulator.api("POST", "/v1/billing_portal/configurations", PORTAL).raise_for_status()
    before = len(simulator.events())
    ran = tool.run("trigger", event, "--api-base", simulator.base_url)
    wanted = SENT_AS.get(event, event)
    sent = _sent(simulator, wanted, before) if ran.code == 0 else set()
    return judge(event, ran, sent, wanted=wanted, refusal=REFUSED.get(event))


def _line(verdict: Verdict) -> str:
    return f"{verdict.outcome:<8} {verdict.event:<46} {verdict.reason}".rstrip() + "\n"


def main() -> int:
    """Install the CLI where it is missing, run the triggers, print how each went."""
    try:
        tool.install()
    except tool.Unavailable as problem:
        sys.stderr.write(f"{problem}\n")
        return 2
    known = _known_events()
    chosen = sys.argv[1:] or [event for event in known if _in_scope(event)]
    with StripeSimulator.start(spec=spec_from_sdk.cached()) as simulator:
        verdicts = []
        for event in chosen:
            verdicts.append(_try(simulator, event))
            sys.stdout.write(_line(verdicts[-1]))
            sys.stdout.flush()
    bad = [verdict for verdict in verdicts if not verdict.good]
    well = sum(verdict.outcome == "ok" for verdict in verdicts)
    left_out = "" if sys.argv[1:] else f", {len(known) - len(chosen)} of other products not run"
    sys.stdout.write(
        f"\n{well} sent their event, {len(verdicts) - well - len(bad)} rightly refused, "
        f"{len(bad)} failed{left_out}\n"
    )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
