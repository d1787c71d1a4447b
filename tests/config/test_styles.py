"""Text on our pages can be read: contrast after WCAG 2.2, in both colour schemes."""

import re
from pathlib import Path

import pytest

CSS = (Path(__file__).resolve().parents[2] / "static" / "css" / "till.css").read_text()
AA_TEXT, AA_CONTROL = 4.5, 3.0

PAIRS = [
    *[("text", ground, AA_TEXT) for ground in ("background", "surface", "surface-2")],
    *[("muted", ground, AA_TEXT) for ground in ("background", "surface", "surface-2")],
    *[("accent", ground, AA_TEXT) for ground in ("background", "surface", "surface-2")],
    *[("accent-strong", ground, AA_TEXT) for ground in ("surface", "accent-soft")],
    ("on-accent", "accent", AA_TEXT),
    ("on-accent", "accent-strong", AA_TEXT),
    ("on-danger", "danger", AA_TEXT),
    ("on-danger", "danger-strong", AA_TEXT),
    ("danger", "surface", AA_TEXT),
    *[(name, f"{name}-soft", AA_TEXT) for name in ("success", "warning", "danger", "info")],
    *[
        ("text", f"{name}-soft", AA_TEXT)
        for name in ("success", "warning", "danger", "info", "accent")
    ],
    ("control-line", "surface", AA_CONTROL),
    ("control-line", "background", AA_CONTROL),
]


def _tokens(block: str) -> dict[str, str]:
    return dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{3,6});", block))


def _schemes() -> dict[str, dict[str, str]]:
    light, dark = re.findall(r":root \{(.*?)\n\s*\}", CSS, re.DOTALL)[:2]
    return {"light": _tokens(light), "dark": {**_tokens(light), **_tokens(dark)}}


def _luminance(colour: str) -> float:
    digits = colour.removeprefix("#")
    if len(digits) == 3:
        digits = "".join(digit * 2 for digit in digits)
    channels = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(first: str, second: str) -> float:
    low, high = sorted((_luminance(first), _luminance(second)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("ink", "ground", "least"), PAIRS)
def test_colours_can_be_told_apart(scheme: str, ink: str, ground: str, least: float) -> None:
    tokens = _schemes()[scheme]

    assert _contrast(tokens[ink], tokens[ground]) >= least


def test_nothing_is_loaded_from_elsewhere() -> None:
    assert re.findall(r"@import|url\(", CSS) == []
