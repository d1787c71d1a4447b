"""The intake: read, verify, store with one statement, answer.

No provider call, no session, no other query: whatever an event means is found out later, by the
worker (`services/dispatch`).
"""

import logging
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
    account = _uuid(endpoint_id)
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


def _uuid(value: str | None) -> UUID | None:
    try:
        return UUID(value) if value else None
    except ValueError:
        return None


def _secrets(provider: Provider, endpoint_id: str | None, account: UUID | None) -> list[str] | None:
    if endpoint_id is None:
        if not registry.get_driver(provider).capabilities.signed_webhooks:
            return None  # unsigned callbacks are only known at their secret address
        return accounts.platform_webhook_secrets(provider)
    return accounts.endpoint_webhook_secrets(provider, account) if account else None


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
