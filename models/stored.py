"""Stored: texts that models are kept as, each under the digest it must still have when it is
read.
"""

import hashlib
import json
from pathlib import Path

from holdfast.errors import ModelError


def dump(document: object) -> str:
    """JSON as holdfast stores it: readable, keys in the order given, text unescaped."""
    return json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def digest(text: str) -> str:
    """SHA-256 of a text in UTF-8, hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def read_verified(path: Path, sha256: str) -> str:
    """The text of a file; ModelError where it is no longer the one that had this digest, OSError
    where it is not there.
    """
    text = path.read_text(encoding="utf-8")
    if digest(text) != sha256:
        raise ModelError(str(path), "is damaged: its SHA-256 is not the one it was saved with")
    return text
