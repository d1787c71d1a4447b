"""CardSecure's vault: tokens that look like cards, and what is remembered of a card."""

import hashlib
import hmac

from tests.simulators.cardpointe import Json, emulation
from tests.simulators.cardpointe.world import World

# A security code and an expiry given with a card live so long, or until the first use.
TTL_S = 120
_LENGTHS = range(12, 20)


def luhn_ok(number: str) -> bool:
    """Say whether the check digit is right."""
    digits = [int(digit) for digit in reversed(number)]
    doubled = (2 * digit - 9 if digit > 4 else 2 * digit for digit in digits[1::2])
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0


def make(account: str, site: str, secret: bytes, nonce: str = "") -> str:
    """Return the token of an account: 16 digits, 9, two first and four last digits of it."""
    digits = "".join(char for char in account.partition("/")[0] if char.isdigit())
    last = "".join(char for char in account.rpartition("/")[2] if char.isdigit())[-4:]
    message = f"{site}|{account}|{nonce}".encode()
    middle = str(int(hmac.new(secret, message, hashlib.sha256).hexdigest(), 16))[-8:]
    candidates = (f"9{digits[:2]}{middle}{check}{last}" for check in range(10))
    return next(candidate for candidate in candidates if luhn_ok(candidate))


def is_token(account: str) -> bool:
    """Say whether an account is a token rather than a card or a bank account."""
    return len(account) == 16 and account.isdigit() and account.startswith("9")


def known(world: World, site: str, token: str) -> Json | None:
    """Return what the vault holds for a token of this site."""
    return world.store.find("vault", f"{site}/{token}")


def keep(world: World, site: str, account: str, *, unique: bool = False) -> str:
    """Put a card or bank account into the vault and return its token.

    The number itself is kept only where it is one of the provider's test cards: whatever else
    somebody typed into a demo is remembered by its brand and its last digits.
    """
    nonce = world.number("token", 9) if unique else ""
    token = make(account, site, world.secret(), nonce)
    if known(world, site, token) is None:
        bank = "/" in account
        row = {
            "token": token,
            "site": site,
            "bank": bank,
            "brand": "ACH" if bank else emulation.brand(account),
            "aba": account.partition("/")[0] if bank else "",
            "test_pan": account if account in emulation.TEST_PANS else "",
            "first_six": "" if bank else account[:6],
            "cvv": None,
            "expiry": None,
            "until": 0,
        }
        world.store.put("vault", f"{site}/{token}", row)
    return token


def attach(world: World, site: str, token: str, *, cvv: str | None, expiry: str | None) -> None:
    """Remember a security code and an expiry with a token, for two minutes or one use."""
    row = known(world, site, token)
    if row is not None and (cvv or expiry):
        row.update(cvv=cvv, expiry=expiry, until=world.now() + TTL_S)
        world.store.touch("vault", f"{site}/{token}")


def use(world: World, row: Json) -> tuple[str | None, str | None]:
    """Return the security code and expiry that travel inside a token, and forget them."""
    found = (row["cvv"], row["expiry"]) if world.now() <= row["until"] else (None, None)
    row.update(cvv=None, expiry=None, until=0)
    world.store.touch("vault", f"{row['site']}/{row['token']}")
    return found


def expire(world: World, site: str, token: str) -> None:
    """Let a token be good for nothing from now on."""
    row = known(world, site, token)
    if row is not None:
        row["expired"] = True
        world.store.touch("vault", f"{site}/{token}")


def masked(row: Json) -> str:
    """Return a card as it is shown: two first and four last digits."""
    token = row["token"]
    return f"{token[1:3]}XXXXXXXXXX{token[-4:]}"
