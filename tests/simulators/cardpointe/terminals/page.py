"""A reader as somebody stands before it: its display, and what can be done there."""

import html
import pathlib
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from tests.simulators.cardpointe import Json
from tests.simulators.cardpointe.terminals import readers
from tests.simulators.cardpointe.terminals.operations import Floor
from tests.simulators.cardpointe.world import World

_WEB = pathlib.Path(__file__).parents[1] / "web"
_FILES = {"reader.css": "text/css; charset=utf-8", "reader.js": "text/javascript; charset=utf-8"}
_CARDS = {
    "Visa": "4788250000121443",
    "Mastercard": "5454545454545454",
    "American Express": "371449635398431",
    "Discover": "6011000995500000",
}
_DECLINED = "4387751111111038"
_OF_CARDS = ("authCard", "readCard")
_OF_NUMBERS = ("authManual", "readManual")

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Card reader {hsn}</title>
<link rel="stylesheet" href="/bolt/{site}/web/reader.css">
{refresh}
<script src="/bolt/{site}/web/reader.js" defer></script>
</head>
<body>
<main>
<h1>Card reader {hsn}</h1>
<p id="state">{state}</p>
<div class="screen" role="status" aria-label="Display" id="display">{display}</div>
<form method="post" id="controls">{controls}</form>
<p id="last">{last}</p>
</main>
</body>
</html>"""
_LIST = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Card readers</title><link rel="stylesheet" href="/bolt/{site}/web/reader.css"></head>
<body><main><h1>Card readers</h1><ul>{rows}</ul></main></body>
</html>"""
# Where no script runs the page loads itself again, but not while somebody types.
_REFRESH = '<noscript><meta http-equiv="refresh" content="2"></noscript>'


class ReaderPages:
    """`/bolt/<site>/readers` and what is below."""

    def __init__(self, world: World, floor: Floor, after_change: Callable[[], None]) -> None:
        self.world, self.floor, self.after_change = world, floor, after_change

    async def __call__(self, request: Request, *, site: str, path: str) -> Response:
        """Show a reader, or let somebody do something there."""
        kind, _, name = path.strip("/").partition("/")
        if kind == "web" and name in _FILES:
            return Response((_WEB / name).read_bytes(), headers={"content-type": _FILES[name]})
        if kind == "readers" and not name:
            return self._list(site)
        row = readers.find(self.world, site, name) if kind == "readers" else None
        if row is None:
            return HTMLResponse("Not Found", 404)
        if request.method == "POST":
            form = {key: str(value) for key, value in (await request.form()).items()}
            step = _step(form)
            if step is None:
                return HTMLResponse("Bad Request", 400)
            self.floor.act(row, step)
            self.after_change()
            return RedirectResponse(request.url.path, 303)
        return HTMLResponse(self._shown(row, site), headers={"cache-control": "no-store"})

    def _list(self, site: str) -> Response:
        names = [html.escape(row["hsn"]) for row in readers.of_site(self.world, site)]
        rows = [f'<li><a href="/bolt/{site}/readers/{name}">{name}</a></li>' for name in names]
        return HTMLResponse(_LIST.format(site=site, rows="".join(rows)))

    def _shown(self, row: Json, site: str) -> str:
        running = self.floor.at(row)
        op = running.name if running is not None and running.state == "waiting" else ""
        return _PAGE.format(
            site=site,
            hsn=html.escape(row["hsn"]),
            refresh="" if op in ("readInput", "tip") else _REFRESH,
            state=_state(row, running.state if running is not None else "idle"),
            display=html.escape(readers.displayed(self.world, row)),
            last=f"Last payment: {html.escape(row['last'])}" if row.get("last") else "",
            controls=_controls(row, op, is_busy=running is not None),
        )


def _state(row: Json, doing: str) -> str:
    if not row["plugged"]:
        return "Unplugged"
    if row["merchant_mode"]:
        return "In merchant mode"
    texts = {"idle": "Ready", "waiting": "Waiting for the customer", "authorizing": "Authorizing"}
    return texts[doing]


def _controls(row: Json, op: str, *, is_busy: bool) -> str:
    """Return the buttons for what the reader is doing."""
    parts = []
    if op in _OF_CARDS or op in _OF_NUMBERS:
        parts.append(_card_keys(typed=op in _OF_NUMBERS))
    elif op:
        parts.append(_answer_keys(op))
    keys = [_key("cancel", "Cancel")] if is_busy else []
    keys.append(_key("unplug", "Unplug") if row["plugged"] else _key("plug", "Plug in"))
    return "".join(parts) + _keys(keys)


def _card_keys(*, typed: bool) -> str:
    options = "".join(f"<option>{name}</option>" for name in _CARDS)
    chosen = f'<label>Card <select name="card">{options}</select></label>'
    ways = [("manual", "Type the number")] if typed else []
    ways = ways or [("contactless", "Tap"), ("chip", "Insert"), ("swipe", "Swipe")]
    keys = [_key(how, text) for how, text in ways]
    return chosen + _keys([*keys, _key("declined", "Use a card that is declined")])


def _answer_keys(op: str) -> str:
    if op == "readConfirmation":
        return _keys([_key("yes", "Yes"), _key("no", "No")])
    if op == "readSignature":
        return _keys([_key("sign", "Sign")])
    if op == "tip":
        field = '<label>Tip in cents <input name="text" inputmode="numeric" value="0"></label>'
        return field + _keys([_key("tip", "Give this tip")])
    if op == "readInput":
        return '<label>Input <input name="text"></label>' + _keys([_key("input", "Enter")])
    return ""


def _keys(keys: list[str]) -> str:
    return f'<p class="keys">{"".join(keys)}</p>'


def _key(value: str, text: str) -> str:
    return f'<button name="do" value="{value}">{text}</button>'


def _step(form: Json) -> Json | None:
    """Return what a button does, if it is one."""
    done, text = form.get("do", ""), form.get("text", "")
    if done in ("contactless", "chip", "swipe", "manual"):
        return {"present": done, "pan": _CARDS.get(form.get("card", ""), _CARDS["Visa"])}
    if done == "tip":
        return {"tip": int(text)} if text.isdigit() and text.isascii() else {"tip": 0}
    steps: dict[str, Json] = {
        "declined": {"present": "chip", "pan": _DECLINED},
        "yes": {"confirm": True},
        "no": {"confirm": False},
        "sign": {"signature": True},
        "input": {"input": text},
        "cancel": {"cancel": True},
        "unplug": {"unplug": True},
        "plug": {"plug": True},
    }
    return steps.get(done)
