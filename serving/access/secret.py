"""Secrets: what a caller sends to be known by, and what is kept of it.

A secret reads ``holdfast_ID_RANDOM``: the id, which is no secret, says where to look, and the rest
is 32 random bytes. Only their SHA-256 is kept. Bytes that nobody chose need no slow hash.
"""

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass

_BYTES = 32
_WRITTEN = re.compile(r"holdfast_(?P<id>[0-9a-f]{12})_(?P<random>[A-Za-z0-9_-]{43})")


@dataclass(frozen=True)
class NewSecret:
    """A secret that was just made.

    Parameters
    ----------
    id : str
        12 hexadecimal digits that name it.
    digest : bytes
        SHA-256 of its random bytes, to be kept.
    text : str
        The secret itself, to be shown once.
    """

    id: str
    digest: bytes
    text: str

    def __repr__(self) -> str:
        return f"NewSecret(id={self.id!r})"


def make_secret() -> NewSecret:
    """A new secret."""
    secret_id, random = secrets.token_hex(6), secrets.token_bytes(_BYTES)
    written = base64.urlsafe_b64encode(random).rstrip(b"=").decode()
    return NewSecret(secret_id, hashlib.sha256(random).digest(), f"holdfast_{secret_id}_{written}")


def read_secret(text: str) -> tuple[str, bytes] | None:
    """Id and digest of a secret as a caller sends it; None where it is none."""
    match = _WRITTEN.fullmatch(text)
    if match is None:
        return None
    random = base64.urlsafe_b64decode(match["random"] + "=")
    return match["id"], hashlib.sha256(random).digest()


def is_same(one: bytes, other: bytes) -> bool:
    """Whether two digests are equal, in a time that does not depend on where they differ."""
    return hmac.compare_digest(one, other)
