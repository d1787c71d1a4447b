"""Idempotency keys: the same request twice is answered twice, and done once."""

import hashlib
import json
from dataclasses import dataclass

from tests.simulators.stripe import Json
from tests.simulators.stripe.errors import Refusal
from tests.simulators.stripe.world import World

FORGOTTEN_AFTER_S = 24 * 3600
_TABLE = "_idempotency"


@dataclass(frozen=True)
class Stored:
    """An answer that was given under a key."""

    status: int
    body: str
    request_id: str


class Keys:
    """What was answered under which key; lives in the world's rows and is kept with them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.running: set[str] = set()

    @staticmethod
    def print_of(method: str, path: str, params: Json) -> str:
        """Return the fingerprint that two requests with one key must share."""
        text = json.dumps([method, path, params], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def begin(self, name: str, fingerprint: str) -> Stored | None:
        """Return the earlier answer, or note that this request is being worked on.

        Raises:
            Refusal: the key is in use, or was used for a different request.
        """
        row = self.world.store.find(_TABLE, name)
        if row is not None and row["at"] + FORGOTTEN_AFTER_S < self.world.now():
            row = None
        if row is not None:
            if row["print"] != fingerprint:
                raise Refusal(
                    "Keys for idempotent requests can only be used with the same parameters they "
                    "were first used with. Try using a key other than "
                    f"'{name.partition(' ')[2]}' if you meant to execute a different request.",
                    kind="idempotency_error",
                )
            return Stored(row["status"], row["body"], row["request_id"])
        if name in self.running:
            raise Refusal(
                "There is currently another in-progress request using this Idempotent Key (that "
                "probably means you submitted twice, and the other request is still going "
                f"through): {name.partition(' ')[2]}. Please try again later.",
                status=409,
                kind="idempotency_error",
                code="idempotency_key_in_use",
            )
        self.running.add(name)
        return None

    def finish(self, name: str, fingerprint: str, answer: Stored) -> None:
        """Keep the answer of a request that was executed; refused parameters leave the key free."""
        if answer.status < 300 or answer.status == 402:
            row = {
                "print": fingerprint,
                "at": self.world.now(),
                "status": answer.status,
                "body": answer.body,
                "request_id": answer.request_id,
            }
            self.world.store.put(_TABLE, name, row)

    def release(self, name: str) -> None:
        """Note that nobody works on this key any more."""
        self.running.discard(name)
