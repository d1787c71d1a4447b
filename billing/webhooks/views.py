"""The intake: read, verify, store with one statement, answer.

No provider call, no session, no other query: whatever an event means is found out later, by the
worker (`services/dispatch`).
"""

import hmac
import logging
import re
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from billing.drivers import registry
from billing.drivers.base import SignatureInvalid
from billing.enums import Provider
from billing.selectors import accounts
from billing.services import inbox
from billing.types import VerifiedWebhook
from orgs import trace

MAX_BODY_BYTES = 1024 * 1024
# `<account>` or `<account>-<secret>`; 22 letters and digits are 128 bits.
_ENDPOINT = re.compile(
    r"(?P<account>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32})"
    r"(?:-(?P<secret>[0-9A-Za-z]+))?",
    re.IGNORECASE,
)
_SHORTEST_SECRET = 22
_RECEIVED = b'{"received": true}'

logger = logging.getLogger(__name__)


@csrf_exempt
@require_POST
def receive(request: HttpRequest, provider: str, endpoint_id: str | None = None) -> HttpResponse:
    """Take one webhook of a provider, at the platform's address or one account's own."""
    known = _provider(provider, request)
    if known is None:
        return _refusal(404 if provider != "provider" else 400)
    body = request.read(MAX_BODY_BYTES + 1)
    if len(body) > MAX_BODY_BYTES:
        return _refusal(413)
    account = _account(endpoint_id)
    secrets = _secrets(known, endpoint_id, account)
    if secrets is None:
        return _refusal(404)
    if not secrets:
        logger.error("webhook.no_secret", extra={"provider": known.value})
        return _refusal(503)
    webhook = _verify(known, body, request, secrets)
    if webhook is None:
        logger.warning("webhook.refused", extra={"provider": known.value})
        return _refusal(400)
    inbox.receive_event(
        provider=known, account=account, webhook=webhook, trace_id=trace.get_trace_id()
    )
    return HttpResponse(_RECEIVED, content_type="application/json")


def _provider(name: str, request: HttpRequest) -> Provider | None:
    """`provider` is the unified address: it knows Stripe by its signature header alone."""
    if name == "provider":
        return Provider.STRIPE if "Stripe-Signature" in request.headers else None
    try:
        registry.get_driver(name)
        return Provider(name)
    except (registry.ProviderUnknown, ValueError):
        return None


def _account(endpoint_id: str | None) -> UUID | None:
    """Return the account that an address begins with; a secret may follow after a hyphen."""
    match = _ENDPOINT.fullmatch(endpoint_id or "")
    return UUID(match["account"]) if match else None


def _secrets(provider: Provider, endpoint_id: str | None, account: UUID | None) -> list[str] | None:
    """Return what a webhook is verified with; None where there is no such address.

    Who does not sign is only known by an address that nobody else knows: it ends in the secret.
    """
    is_signed = registry.get_driver(provider).capabilities.signed_webhooks
    if endpoint_id is None:
        return accounts.platform_webhook_secrets(provider) if is_signed else None
    secrets = accounts.endpoint_webhook_secrets(provider, account) if account else None
    if secrets is None:
        return None
    match = _ENDPOINT.fullmatch(endpoint_id)
    shown = (match["secret"] or "") if match else ""
    if is_signed:
        return None if shown else secrets
    strong = [secret for secret in secrets if len(secret) >= _SHORTEST_SECRET]
    return [one for one in strong if hmac.compare_digest(one, shown)] or None


def _verify(
    provider: Provider, body: bytes, request: HttpRequest, secrets: list[str]
) -> VerifiedWebhook | None:
    driver = registry.get_driver(provider)
    headers = {name.lower(): value for name, value in request.headers.items()}
    for secret in secrets:
        try:
            return driver.verify_webhook(body, headers, secret=secret)
        except SignatureInvalid:
            continue
    return None


_ANSWERS = {
    400: ("INVALID_REQUEST", "The webhook could not be verified."),
    404: ("NOT_FOUND", "Not found."),
    413: ("INVALID_REQUEST", "The webhook is larger than 1 MiB."),
    503: ("API_ERROR", "No webhook secret is configured, so nothing can be verified."),
}


def _refusal(status: int) -> JsonResponse:
    code, message = _ANSWERS[status]
    error = {"code": code, "message": message, "trace_id": trace.get_trace_id()}
    return JsonResponse({"error": error}, status=status)
