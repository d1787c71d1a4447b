"""What the switches of all simulators share: how one is found, and those that each has."""

import inspect
import json
from collections.abc import Callable
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tests.simulators import Json
from tests.simulators.faults import WaitingFaults
from tests.simulators.journal import Journal

# It may return its answer, or a promise of it.
Switch = Callable[[Json, dict[str, str]], Any]


class Switchboard:
    """Reads and turns the switches under /_sim/."""

    # What a switch raises over what it was given; anything else is an error of the simulator.
    bad_input: ClassVar[tuple[type[Exception], ...]] = (ValueError, TypeError)

    def __init__(
        self, *, faults: WaitingFaults[Any], journal: Journal, settings: Callable[[], Json]
    ) -> None:
        self.faults, self.journal = faults, journal
        # Asked for anew each time: a reset puts other settings in their place.
        self._current = settings
        self.switches: dict[tuple[str, str], Switch] = {
            ("GET", "requests"): self._requests,
            ("GET", "faults"): self._faults,
            ("POST", "faults"): self._add_fault,
            ("DELETE", "faults"): self._clear_faults,
            ("GET", "settings"): self._settings,
            ("POST", "settings"): self._change_settings,
        }

    async def __call__(self, request: Request) -> Response:
        """Answer a request under /_sim/."""
        name = request.url.path.removeprefix("/_sim/")
        query = dict(request.query_params)
        try:
            body = await request.body()
            given: Json = dict(json.loads(body)) if body else {}
            if request.method == "GET" and name.startswith("objects/"):
                return JSONResponse(self._objects(name.removeprefix("objects/"), query))
            switch = self.switches.get((request.method, name))
            if switch is None:
                return JSONResponse({"error": f"no switch {request.method} {name}"}, 404)
            answer = switch(given, query)
            if inspect.isawaitable(answer):
                answer = await answer
        except self.bad_input as error:
            return JSONResponse({"error": str(error)}, 400)
        self._turned()
        return JSONResponse(answer)

    def _turned(self) -> None:
        """Do what every switch is followed by."""

    def _objects(self, kind: str, query: dict[str, str]) -> Json:
        """Return the rows of a kind as `objects`."""
        raise NotImplementedError

    def _requests(self, _given: Json, query: dict[str, str]) -> Json:
        entries = self.journal.since(int(query.get("since", 0)))
        return {"requests": entries, "last": self.journal.last}

    def _faults(self, _given: Json, _query: dict[str, str]) -> Json:
        return {"faults": self.faults.shown()}

    def _add_fault(self, given: Json, query: dict[str, str]) -> Json:
        self.faults.add(given)
        return self._faults(given, query)

    def _clear_faults(self, given: Json, query: dict[str, str]) -> Json:
        self.faults.waiting.clear()
        return self._faults(given, query)

    def _settings(self, _given: Json, _query: dict[str, str]) -> Json:
        return dict(self._current())

    def _change_settings(self, given: Json, _query: dict[str, str]) -> Json:
        settings = self._current()
        unknown = sorted(set(given) - set(settings))
        if unknown:
            raise ValueError(f"unknown settings: {', '.join(unknown)}")
        settings.update(given)
        return dict(settings)
