"""The way of a call of the terminal service: let in, done once, disturbed, answered."""

import asyncio
import hmac
import json
import traceback
from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from tests.simulators.cardpointe import Json, noise
from tests.simulators.cardpointe.faults import Fault, vanish
from tests.simulators.cardpointe.gateway import Gateway, answer_by_force, without_parts
from tests.simulators.cardpointe.merchants import Merchant
from tests.simulators.cardpointe.refusal import HttpError
from tests.simulators.cardpointe.terminals import (
    endpoints,
    payments,
    readers,
    refusals,
    scripts,
    sessions,
)
from tests.simulators.cardpointe.terminals.commands import Desk
from tests.simulators.cardpointe.terminals.endpoints import Endpoint
from tests.simulators.cardpointe.terminals.job import Job
from tests.simulators.cardpointe.terminals.operations import Floor, Operation
from tests.simulators.cardpointe.terminals.refusals import TerminalError
from tests.simulators.cardpointe.world import World

VERSIONS = ("v2", "v3", "v4")
# What an operation ends with when the whole world was forgotten meanwhile.
_FORGOTTEN: Json = {}


@dataclass(slots=True)
class _Visit:
    """One call: what was sent, what is to go wrong with it, what is noted of it."""

    request: Request
    site: str
    version: str
    name: str
    body: Json | None
    fault: Fault | None
    entry: Json
    desk: Desk


class Terminals:
    """Everything under `/api/v…` of every site."""

    def __init__(self, world: World, gateway: Gateway, after_change: Callable[[], None]) -> None:
        self.world, self.gateway, self.after_change = world, gateway, after_change
        self.floor = Floor(world, after_change)
        # What goes on although its caller is gone.
        self.unheard: set[asyncio.Task[Response | None]] = set()

    async def __call__(
        self, scope: Scope, receive: Receive, send: Send, *, site: str, path: str
    ) -> None:
        """Answer one call of a site; `path` begins with `/api/`."""
        request = Request(scope, receive)
        visit = self._visit(request, site, path, _read(await request.body()))
        fault = visit.fault
        hold_s = fault.hold_s if fault is not None else 0
        if fault is not None and fault.is_unheard:
            await vanish(receive, hold_s)
            return
        work = asyncio.ensure_future(self._respond(visit))
        if fault is not None and fault.kind == "late_commit":
            self.unheard.add(work)
            work.add_done_callback(self.unheard.discard)
            await vanish(receive, hold_s)
            return
        try:
            response = await work
        except asyncio.CancelledError:
            # The process ends, and nobody may wait any longer.
            response, hold_s = None, 0
        if response is None:
            await vanish(receive, hold_s)
            return
        await response(scope, receive, send)

    def _visit(self, request: Request, site: str, path: str, body: Json | None) -> _Visit:
        """Note a call, and what is to go wrong with it."""
        version, _, name = path.removeprefix("/api/").partition("/")
        told = _told(body or {})
        entry = self.gateway.journal.open_entry(name, request.method, path, told, self.world.now())
        entry.update(user="terminals", error_code=None, gateway=[])
        fault = self.gateway.faults.take(name, told)
        entry["fault"] = fault.kind if fault is not None else None
        desk = Desk(self.world, self.floor)
        return _Visit(request, site, version, name, body, fault, entry, desk)

    def run_due(self) -> None:
        """Let everything happen that is due by the virtual clock."""
        self.floor.run_due()

    async def _respond(self, visit: _Visit) -> Response | None:
        """Return the answer, or nothing when the caller is not to get one."""
        try:
            response = await self._answer(visit)
        except HttpError as error:
            shown = error.body(visit.request.url.path, self.world.stamp())
            response = JSONResponse(shown, error.status)
        except Exception:  # noqa: BLE001 - a fault of the simulator must be seen, not hang
            visit.entry["error"] = traceback.format_exc()
            response = PlainTextResponse(visit.entry["error"], 500)
        self.after_change()
        if response is not None:
            visit.entry["status"] = response.status_code
        return response

    async def _answer(self, visit: _Visit) -> Response | None:
        fault = visit.fault
        try:
            endpoint = _endpoint(visit)
            job = self._let_in(visit, endpoint)
            if fault is not None and fault.kind == "slow":
                await asyncio.sleep(fault.seconds)
            if fault is not None and fault.status is not None and not fault.commit:
                return answer_by_force(fault)
            endpoints.check(visit.desk, endpoint, job)
            answer = await self._done(visit, endpoint, job)
        except TerminalError as error:
            answer = error
        if answer is _FORGOTTEN or (fault is not None and fault.kind == "drop_after"):
            return None
        if fault is not None and fault.status is not None:
            return answer_by_force(fault)
        response = self._shown(answer, visit)
        if visit.desk.session_header:
            response.headers[sessions.HEADER] = visit.desk.session_header
        return response

    async def _done(self, visit: _Visit, endpoint: Endpoint, job: Job) -> Json | TerminalError:
        """Do the work; wait for people where it takes them."""
        if endpoint.instant is not None:
            return endpoint.instant(visit.desk, job) or {}
        assert endpoint.work is not None
        steps = self._next_steps(visit.name, job)
        job.operation = operation = Operation(visit.name, job.reader, steps, self.floor.now())
        self.floor.begin(operation, endpoint.work(job))
        answer = await operation.answered
        visit.entry["error"] = operation.error or None
        if endpoint.work is payments.take and answer is not None:
            job.reader["last"] = payments.summary(answer)
            readers.touch(self.world, job.reader)
        return _FORGOTTEN if answer is None else answer

    def _next_steps(self, name: str, job: Job) -> list[Json]:
        """Return what the cardholder does this time."""
        if name == "ping":
            return []
        reader = job.reader
        script = reader["queue"].pop(0) if reader["queue"] else reader["script"]
        readers.touch(self.world, reader)
        return scripts.steps(script, name)

    def _let_in(self, visit: _Visit, endpoint: Endpoint) -> Job:
        """Return what is asked of which reader, by somebody who may."""
        request, body = visit.request, visit.body
        if request.method != "POST":
            text = f"Request method '{request.method}' not supported"
            raise TerminalError(refusals.GENERIC, text)
        kind = request.headers.get("content-type", "")
        if kind.partition(";")[0].strip().lower() != "application/json":
            raise TerminalError(refusals.GENERIC, f"Content type '{kind}' not supported")
        known = self._merchants(visit.site, request.headers.get("authorization", ""))
        if body is None:
            raise refusals.invalid("Request body is not valid JSON")
        merchant = _named(known, body)
        reader = self._reader(merchant, body) if endpoint.hsn else {}
        return Job(
            self.world,
            self.gateway,
            merchant,
            reader,
            body,
            request.headers.get(sessions.HEADER),
            visit.fault,
            visit.entry["gateway"],
        )

    def _merchants(self, site: str, key: str) -> list[Merchant]:
        """Return whose key it is."""
        found = [
            merchant
            for merchant in self.world.merchants(site)
            if merchant.api_key and hmac.compare_digest(merchant.api_key.encode(), key.encode())
        ]
        if not found:
            raise HttpError(401, "Unauthorized")
        return found

    def _reader(self, merchant: Merchant, body: Json) -> Json:
        hsn = body.get("hsn")
        if not hsn:
            raise refusals.missing("hsn")
        reader = readers.find(self.world, merchant.site, str(hsn))
        if reader is None or reader["merchid"] != merchant.merchid:
            raise HttpError(403, "Forbidden")
        return reader

    def _shown(self, answer: Json | TerminalError, visit: _Visit) -> Response:
        if isinstance(answer, TerminalError):
            visit.entry["error_code"] = answer.code
            status, shown = answer.status, answer.body()
        else:
            status, shown = 200, answer
        if not shown:
            return Response(b"", status)
        told = shown.get("authResponse", shown)
        visit.entry.update({name: told.get(name) for name in ("respstat", "respcode", "retref")})
        text = json.dumps(self._disturbed(without_parts(shown, visit.fault)))
        if visit.fault is not None and visit.fault.kind == "truncate":
            text = text[: len(text) // 2]
        return Response(text, status, media_type="application/json")

    def _disturbed(self, shown: Json) -> Json:
        if not self.world.setting("noise"):
            return shown
        inner = shown.get("authResponse")
        if inner is not None:
            shown = {**shown, "authResponse": noise.disturb(inner, self.world.random)}
        found: Json = noise.disturb(shown, self.world.random)
        return found


def _endpoint(visit: _Visit) -> Endpoint:
    """Return who answers; all versions are the same."""
    found = endpoints.ENDPOINTS.get(visit.name)
    if found is None or visit.version not in VERSIONS:
        raise HttpError(404, "Not Found")
    return found


def _named(known: list[Merchant], body: Json) -> Merchant:
    """Return the merchant that is meant: one that this key is for."""
    merchant = next((one for one in known if one.merchid == body.get("merchantId")), None)
    if merchant is None:
        raise HttpError(401, "Unauthorized")
    if not merchant.enabled:
        text = f"No cs hostname for merchantId: {merchant.merchid}"
        raise TerminalError(refusals.GENERIC, text)
    return merchant


def _read(raw: bytes) -> Json | None:
    """Return the JSON object of a body; nothing when it is none."""
    try:
        body = json.loads(raw or b"{}")
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _told(body: Json) -> Json:
    """Return a body with the names by which faults are matched."""
    told = {**body, "merchid": body.get("merchantId"), "orderid": body.get("orderId")}
    return {name: value for name, value in told.items() if value is not None}
