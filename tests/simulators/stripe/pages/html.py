"""Small pages: escaped text in a calm frame, no inline script, no inline style."""

import time
from html import escape

from starlette.responses import HTMLResponse

_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'"
)


def page(
    title: str,
    body: str,
    *,
    status: int = 200,
    stylesheet: str = "site.css",
    script: str | None = None,
    attributes: dict[str, str] | None = None,
) -> HTMLResponse:
    """Return a whole page; `body` is HTML that was escaped where it had to be."""
    shown = "".join(f' {name}="{escape(value)}"' for name, value in (attributes or {}).items())
    loaded = f'<script src="/_static/{script}" defer></script>' if script else ""
    text = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title>"
        f'<link rel="stylesheet" href="/_static/{stylesheet}">{loaded}</head>'
        f"<body{shown}>{body}</body></html>"
    )
    headers = {"content-security-policy": _POLICY, "cache-control": "no-store"}
    return HTMLResponse(text, status, headers=headers)


_WITHOUT_CENTS = ("JPY", "KRW", "VND", "CLP")


def minor(text: str, currency: str) -> int | None:
    """Return an amount as it was typed, in minor units; None for what is none."""
    whole, _, rest = text.strip().partition(".")
    digits = 0 if currency.upper() in _WITHOUT_CENTS else 2
    if not (whole.isdecimal() and len(whole) < 8 and len(rest) <= digits):
        return None
    return int(whole + rest.ljust(digits, "0")) if (rest or "0").isdecimal() else None


def money(amount: int | None, currency: str | None) -> str:
    """Return an amount as a reader expects it."""
    code, sign = (currency or "usd").upper(), "-" if (amount or 0) < 0 else ""
    absolute = abs(amount or 0)
    if code in _WITHOUT_CENTS:
        return f"{sign}{code} {absolute:,}"
    value = f"{absolute / 100:,.2f}"
    return f"{sign}${value}" if code == "USD" else f"{sign}{code} {value}"


def day(moment: int) -> str:
    """Return the date of a moment, in UTC as everything here."""
    return time.strftime("%d %B %Y", time.gmtime(moment)).lstrip("0")


def alert(problem: str | None) -> str:
    """Return a problem so that assistive tools read it out at once."""
    return f'<div class="alert" role="alert">{escape(problem)}</div>' if problem else ""


def notice(text: str) -> str:
    """Return the good outcome of what was just done."""
    return f'<div class="notice" role="status">{escape(text)}</div>' if text else ""


def link_back(url: str | None, label: str) -> str:
    """Return the way out of a page, above its card."""
    return f'<a class="back" href="{escape(url)}">← {escape(label)}</a>' if url else ""


def field(
    name: str,
    label: str,
    *,
    autocomplete: str,
    value: str = "",
    kind: str = "text",
    mode: str = "text",
    wide: bool = False,
    hint: str = "",
) -> str:
    """Return a labelled input."""
    return (
        f'<div class="{"wide" if wide else ""}"><label for="{name}">{escape(label)}</label>'
        f'<input id="{name}" name="{name}" type="{kind}" inputmode="{mode}" '
        f'autocomplete="{autocomplete}" value="{escape(value)}" '
        f'placeholder="{hint}" required></div>'
    )
