"""Encryption at rest for the few values that must be readable again."""

import functools

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class DecryptionFailed(Exception):
    """No key in TILL_ENCRYPTION_KEYS opens this value: was a key removed too early?"""


@functools.lru_cache(maxsize=4)
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def encrypt(plain: bytes) -> bytes:
    """Encrypt with the first key of TILL_ENCRYPTION_KEYS (Fernet: AES-128-CBC with HMAC)."""
    return _fernet(tuple(settings.TILL_ENCRYPTION_KEYS)).encrypt(plain)


def decrypt(token: bytes) -> bytes:
    """Decrypt with whichever key fits.

    Raises:
        DecryptionFailed: no configured key opens it.
    """
    try:
        return _fernet(tuple(settings.TILL_ENCRYPTION_KEYS)).decrypt(token)
    except InvalidToken as error:
        raise DecryptionFailed from error
