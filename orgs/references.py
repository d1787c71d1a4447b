"""References of ours that a provider keeps and can be asked by."""

import secrets

# No vowels (no words), no digits: a gateway that masks whatever passes a card number's check sum
# can't mistake it for one. 18 letters of 20 are 77 bits.
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
_LENGTH = 18


def new_reference() -> str:
    """Return a random reference: 18 upper-case letters."""
    return "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
