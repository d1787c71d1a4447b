"""Refusals in the shape Stripe gives them."""

from tests.simulators.stripe import Json


class Refusal(Exception):
    """A request is answered with an error object instead of a resource."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        extra: Json | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.kind = kind
        self.code = code
        self.param = param
        self.extra = extra or {}

    def body(self) -> Json:
        """Return the JSON document of the answer."""
        error: Json = {"type": self.kind, "message": self.message, **self.extra}
        if self.code is not None:
            error["code"] = self.code
            error["doc_url"] = f"https://stripe.com/docs/error-codes/{self.code.replace('_', '-')}"
        if self.param is not None:
            error["param"] = self.param
        return {"error": error}


# How Stripe names each kind of object in "No such …": not always its type.
LABELS = {
    "credit_note": "credit note",
    "promotion_code": "promotion code",
    "subscription_schedule": "subscription schedule",
    "payment_method": "PaymentMethod",
    "setup_intent": "setupintent",
    "subscription_item": "subscription_item",
    "terminal.location": "location",
    "terminal.reader": "terminal reader",
    "webhook_endpoint": "webhook endpoint",
    "billing_portal.configuration": "configuration",
    "test_helpers.test_clock": "test clock",
}


def no_such(kind: str, object_id: str, *, param: str = "id", status: int = 404) -> Refusal:
    """Return the refusal for an id that names nothing (404 in a path, 400 in a parameter)."""
    return Refusal(
        f"No such {LABELS.get(kind, kind)}: '{object_id}'",
        status=status,
        code="resource_missing",
        param=param,
    )


def missing(param: str) -> Refusal:
    """Return the refusal for a required parameter that is absent."""
    return Refusal(f"Missing required param: {param}.", code="parameter_missing", param=param)


def card_refusal(code: str, message: str, *, decline_code: str | None, extra: Json) -> Refusal:
    """Return the 402 for a card that said no."""
    details = dict(extra)
    if decline_code is not None:
        details["decline_code"] = decline_code
    return Refusal(message, status=402, kind="card_error", code=code, extra=details)
