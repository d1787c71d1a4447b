"""Faults on request: lost, late, broken and unwelcome answers for chosen calls."""

from dataclasses import dataclass

from starlette.types import Receive

from tests.simulators.cardpointe import Json, codes
from tests.simulators.faults import BaseFault, WaitingFaults, cut, hold

_INQUIRIES = ("inquire", "inquireByOrderid")
_VOIDS = ("void", "voidByOrderId")
# kind -> the calls it meets when a test names none.
KINDS: dict[str, tuple[str, ...]] = {
    "processor_timeout": ("auth",),
    "drop_before": ("auth",),
    "drop_after": ("auth",),
    "late_commit": ("auth",),
    "truncate": ("auth",),
    "slow": ("auth",),
    "inquiry_down": _INQUIRIES,
    "void_down": _VOIDS,
    "b_code": ("auth",),
    "decline": ("auth",),
    "partial": ("auth",),
    "surcharge": ("auth",),
    "no_retref": ("auth",),
    "no_respstat": ("auth",),
    "settle_reject": ("auth", "capture", "refund"),
    **{f"http_{status}": ("auth",) for status in (400, 401, 404, 408, 429, 500, 502, 503, 504)},
}
_UNHEARD = {"drop_before", "inquiry_down", "void_down"}


@dataclass
class Fault(BaseFault):
    """What happens to the next `times` calls that match. `times` -1 never wears out."""

    kind: str
    # The operation ("auth", "refund", …; "*" is any); empty: what the kind is usually for.
    op: str = ""
    # Matching calls that pass first.
    skip: int = 0
    orderid: str = ""
    merchid: str = ""
    amount: str = ""
    # Of a call for a reader: its hardware serial number.
    hsn: str = ""
    # decline, b_code: who says what; without a processor it is the merchant's.
    proc: str = ""
    code: str = ""
    category: str = ""
    advice: str = ""
    # partial: what is approved; surcharge: what is added; settle_reject: how it is reported.
    cents: int = 0
    pct: float = 0
    letter: str = "N"
    # slow: so long; late_commit: so much later by the virtual clock.
    seconds: float = 20
    # http_…: do the work before the error; for 429 the waiting time, if the header is there.
    commit: bool = False
    retry_after: int | None = None
    # drop_…, late_commit, …_down: keep the caller waiting so long before the connection is cut.
    hold_s: float = 0

    def __post_init__(self) -> None:
        """Refuse what could never happen."""
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}")
        if self.kind in ("decline", "b_code"):
            if not self.code:
                raise ValueError(f"{self.kind} needs a code")
            if self.proc:
                codes.named(self.proc, self.code)
        if self.kind == "partial" and self.cents <= 0:
            raise ValueError("partial needs the cents that are approved")

    def matches(self, op: str, fields: Json) -> bool:
        """Say whether a call is meant."""
        if self.op != "*" and op not in ((self.op,) if self.op else KINDS[self.kind]):
            return False
        names = ("orderid", "merchid", "amount", "hsn")
        wanted = {name: getattr(self, name) for name in names}
        return all(not value or str(fields.get(name)) == value for name, value in wanted.items())

    @property
    def is_unheard(self) -> bool:
        """Say whether the call never reaches the gateway."""
        return self.kind in _UNHEARD

    @property
    def status(self) -> int | None:
        """Return the HTTP status that is answered instead."""
        return int(self.kind.removeprefix("http_")) if self.kind.startswith("http_") else None


class Faults(WaitingFaults[Fault]):
    """The faults that wait for their calls."""

    def __init__(self) -> None:
        super().__init__(Fault)

    def take(self, op: str, fields: Json) -> Fault | None:
        """Return the fault for this call, counted down."""
        for fault in self.waiting:
            if fault.times == 0 or not fault.matches(op, fields):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            if fault.times > 0:
                fault.times -= 1
            return fault
        return None


async def vanish(receive: Receive, hold_s: float) -> None:
    """Answer nothing: cut the connection at once, or after the caller gave up or waited."""
    if hold_s:
        await hold(receive, hold_s)
    else:
        cut(receive)
