"""Keys: test keys only; a publishable one may do little."""

import base64
import binascii
import re

from tests.simulators.stripe.errors import Refusal

_KEY = re.compile(r"^(sk|rk|pk)_(test|live)_(\w+)$")


def read_key(authorization: str | None, form_key: str | None) -> str:
    """Return the API key of a request; refuse none, a malformed and a live one with 401."""
    key = form_key or ""
    if authorization:
        kind, _, credential = authorization.partition(" ")
        key = _basic_user(credential) if kind.lower() == "basic" else credential.strip()
    if not key:
        raise Refusal(
            "You did not provide an API key. You need to provide your API key in the "
            "Authorization header, using Bearer auth (e.g. 'Authorization: Bearer "
            "YOUR_SECRET_KEY').",
            status=401,
        )
    found = _KEY.match(key)
    if found is None:
        raise Refusal(f"Invalid API Key provided: {masked(key)}", status=401)
    if found[2] == "live":
        raise Refusal(f"This is a simulator: it refuses live keys ({masked(key)}).", status=401)
    return key


def _basic_user(credential: str) -> str:
    try:
        return base64.b64decode(credential, validate=True).decode().split(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return "malformed"


def masked(key: str) -> str:
    """Return a key as it may be shown: its kind and its last four characters."""
    return f"{key[:8]}{'*' * 8}{key[-4:]}" if len(key) > 12 else "*" * len(key)


def require_secret(key: str) -> None:
    """Refuse a publishable key where only a secret one may act."""
    if key.startswith("pk_"):
        raise Refusal(
            "This API call cannot be made with a publishable API key. Please use a secret API "
            "key. You can find a list of your API keys at "
            "https://dashboard.stripe.com/account/apikeys.",
            status=403,
            code="secret_key_required",
        )
