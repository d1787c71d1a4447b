"""A dunning policy as a picture: three lanes over its days, and the same in sentences."""

import dataclasses

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from billing.engine import dunning_policy
from billing.engine.dunning_policy import Mark, MarkKind, Policy

_LEFT, _WIDTH = 90, 620
_LANES = {
    MarkKind.FAILED: 40,
    MarkKind.RETRY: 40,
    MarkKind.NOTICE: 84,
    MarkKind.LAST_NOTICE: 84,
}
# How far the picture goes on behind the last mark, so that what holds from then on is seen.
_REST = 1.12
_WORDS = {
    MarkKind.FAILED: "The payment fails, or an invoice that was sent is due.",
    MarkKind.RETRY: "The card is tried again, unless the decline was final.",
    MarkKind.NOTICE: "The payer is told that access will be restricted.",
    MarkKind.RESTRICTED: "Grace ends: access is restricted.",
    MarkKind.LAST_NOTICE: "The payer is told that the subscription will end.",
    MarkKind.CANCELED: "The subscription ends.",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Dot:
    """A mark in one of the lanes, with its day beneath it."""

    x: int
    y: int
    day: int
    is_try: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Bar:
    """What may be used for a stretch of days."""

    x: int
    width: int
    css: str
    label: str


def drawing(policy: Policy, *, title: str) -> SafeString:
    """Return the timeline as an SVG, and beside it as a list for whoever can't see it."""
    marks = dunning_policy.timeline(policy)
    last = max(marks[-1].day, 1) * _REST
    return render_to_string(
        "admin/billing/dunning_timeline.html",
        {
            "title": title,
            "left": _LEFT,
            "right": _LEFT + _WIDTH,
            "dots": [
                Dot(_x(mark.day, last), _LANES[mark.kind], mark.day, mark.kind in _TRIES)
                for mark in marks
                if mark.kind in _LANES
            ],
            "bars": list(_bars(policy, last)),
            "marks": [sentence(mark) for mark in marks],
            "never_ends": policy.cancel_day is None,
        },
    )


def sentence(mark: Mark) -> str:
    """Return a mark as a person reads it: `Day 3: the card …`."""
    return f"Day {mark.day}: {_WORDS[mark.kind]}"


_TRIES = (MarkKind.FAILED, MarkKind.RETRY)


def _bars(policy: Policy, last: float) -> list[Bar]:
    ends = policy.cancel_day if policy.cancel_day is not None else last
    stretches = [
        (0.0, float(policy.grace_days), "#16a34a", "full use"),
        (float(policy.grace_days), float(ends), "#d97706", "restricted"),
        (float(ends), last, "#6b7280", "ended"),
    ]
    return [
        Bar(_x(start, last), _x(end, last) - _x(start, last), css, label)
        for start, end, css, label in stretches
        if end > start
    ]


def _x(day: float, last: float) -> int:
    return round(_LEFT + _WIDTH * day / last)
