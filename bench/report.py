"""What a run found: one row per measure, as a table, as JSON and as a picture."""

import dataclasses
import json
import math
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class Row:
    """One measure. `ok` is None where there is no target."""

    measure: str
    baseline: str
    ours: str
    ratio: str = ""
    target: str = ""
    ok: bool | None = None


@dataclasses.dataclass(frozen=True)
class Report:
    """Everything a run found, the raw figures of every round included."""

    machine: dict[str, str]
    rows: list[Row]
    rounds: dict[str, list[float]]
    notes: list[str]

    @property
    def is_good(self) -> bool:
        """Say whether every target was reached."""
        return all(row.ok is not False for row in self.rows)

    def text(self) -> str:
        """Return the table."""
        words = {True: "yes", False: "NO", None: ""}
        head = ("measure", "baseline", "ours", "ratio", "target", "ok?")
        lines = [
            (row.measure, row.baseline, row.ours, row.ratio, row.target, words[row.ok])
            for row in self.rows
        ]
        return "\n".join([*_table(head, lines), *(f"· {note}" for note in self.notes)])

    def write(self, folder: Path) -> list[Path]:
        """Write `results.json` and `rates.svg`; return their paths."""
        folder.mkdir(parents=True, exist_ok=True)
        results, picture = folder / "results.json", folder / "rates.svg"
        results.write_text(json.dumps(dataclasses.asdict(self), indent=1) + "\n")
        picture.write_text(_picture(self.rounds))
        return [results, picture]


def _table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> list[str]:
    rows = [head, *lines]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    padded = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return [padded[0], "  ".join("─" * width for width in widths), *padded[1:]]


_BAR, _GAP, _LEFT, _WIDE = 16, 10, 250, 420


def _picture(rounds: dict[str, list[float]]) -> str:
    """Draw every round of every rate as a dot on a logarithmic scale, with its median as a bar."""
    shown = {name: values for name, values in rounds.items() if values and min(values) > 0}
    top = max((max(values) for values in shown.values()), default=1.0)
    scale = _WIDE / max(1.0, math.log10(top * 1.2))
    parts: list[str] = []
    for index, (name, values) in enumerate(shown.items()):
        y = 40 + index * (_BAR + _GAP)
        median = statistics.median(values)
        length = max(1.0, math.log10(median) * scale)
        colour = "#2f6f6a" if name.startswith("ours") else "#b9b4a6"
        parts.append(
            f'<text x="{_LEFT - 8}" y="{y + 12}" text-anchor="end">{name}</text>'
            f'<rect x="{_LEFT}" y="{y}" width="{length:.1f}" height="{_BAR}" fill="{colour}"/>'
            f'<text x="{_LEFT + length + 8:.1f}" y="{y + 12}">{median:,.0f}</text>'
        )
        parts += [
            f'<circle cx="{_LEFT + math.log10(value) * scale:.1f}" cy="{y + _BAR / 2}" r="2.5"'
            ' fill="#222"/>'
            for value in values
            if value >= 1
        ]
    height = 60 + len(shown) * (_BAR + _GAP)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="760" height="{height}"'
        ' font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="#fff"/>'
        '<text x="12" y="22" font-size="14">Events per second (logarithmic; bar: median, '
        f"dots: rounds)</text>{''.join(parts)}</svg>\n"
    )
