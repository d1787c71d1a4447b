"""How the gateway says no in its own name."""

from tests.simulators.cardpointe import Json, codes


class Refused(Exception):
    """A business refusal: HTTP 200 with respstat, respcode and resptext, nothing stored."""

    def __init__(self, code: str, *, proc: str = "PPS", **more: object) -> None:
        self.code = codes.named(proc, code)
        self.more: Json = dict(more)
        super().__init__(self.code.text)

    def body(self) -> Json:
        """Return the answer."""
        return {
            "respproc": self.code.proc,
            "respcode": self.code.code,
            "respstat": self.code.stat,
            "resptext": self.code.text,
            **self.more,
        }


class HttpError(Exception):
    """A refusal below the business: wrong JSON, wrong credentials, wrong path, too many calls."""

    def __init__(self, status: int, name: str, **headers: str) -> None:
        self.status, self.name = status, name
        self.headers = {key.replace("_", "-"): value for key, value in headers.items()}
        super().__init__(f"{status} {name}")

    def body(self, path: str, stamp: str) -> Json:
        """Return the answer."""
        return {"timestamp": stamp, "status": self.status, "error": self.name, "path": path}
