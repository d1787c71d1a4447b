"""How the terminal service says no: the error codes are fixed, the texts may change."""

from tests.simulators.cardpointe import Json

GENERIC, NOT_CONNECTED, IN_USE, CANCELLED, MERCHANT_MODE, VOIDED = 1, 6, 7, 8, 9, 900
INVALID, MISSING = 3, 4
PIN_DEBIT, NO_SIGNATURE, NOT_PRINTED = 400, 700, 800

TIMED_OUT = "Terminal request timed out"
COMMAND_CANCELLED = "Command Cancelled"
OPERATION_CANCELLED = "Operation Cancelled"
AUTHORIZATION_CANCELLED = "Authorization Cancelled"
AUTHORIZATION_VOIDED = "Authorization Voided"


class TerminalError(Exception):
    """A refusal with an error code: HTTP 500 unless it says otherwise."""

    def __init__(self, code: int, text: str, *, status: int = 500, **more: object) -> None:
        self.code, self.text, self.status = code, text, status
        self.more: Json = dict(more)
        super().__init__(text)

    def body(self) -> Json:
        """Return the answer."""
        return {"errorCode": self.code, "errorMessage": self.text, **self.more}


def invalid(text: str) -> TerminalError:
    """Return the refusal of a value."""
    return TerminalError(INVALID, text, status=400)


def missing(name: str) -> TerminalError:
    """Return the refusal of a call that lacks a parameter."""
    return TerminalError(MISSING, f"Missing required parameter: '{name}'.", status=400)


def not_connected(hsn: str) -> TerminalError:
    """Return what is said of a reader that is not there."""
    return TerminalError(NOT_CONNECTED, f"Terminal {hsn} is not connected")
