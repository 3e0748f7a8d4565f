"""Stored models: texts in files, each with the SHA-256 digest that it must still have when it is
read.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from holdfast.errors import InputError, ModelError

DESCRIPTION = "model.json"
"""Name of the file that describes a model, and holds the SHA-256 of all its other files."""


def dump(document: object) -> str:
    """JSON as holdfast stores it: readable, keys in the order given, text unescaped."""
    return json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def digest(text: str) -> str:
    """SHA-256 of a text in UTF-8, hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def read_verified(path: Path, sha256: str) -> str:
    """The text of a file; ModelError where its digest is another one, OSError where there is no
    such file.
    """
    text = path.read_text(encoding="utf-8")
    if digest(text) != sha256:
        raise ModelError(str(path), "is damaged: its SHA-256 is not the one it was saved with")
    return text


def read_files(directory: Path, digests: Mapping[str, str]) -> dict[str, str]:
    """The texts of a model's files by name, given the SHA-256 of each; errors as of
    `read_verified`.
    """
    return {
        name: read_verified(directory / Path(name).name, sha256) for name, sha256 in digests.items()
    }


@contextmanager
def loading(directory: Path) -> Iterator[None]:
    """Raise ModelError in place of whatever reading a stored model raises."""
    from lightgbm.basic import LightGBMError

    try:
        yield
    except ModelError:
        raise
    except (OSError, ValueError, KeyError, InputError, LightGBMError) as error:
        raise ModelError(
            str(directory / DESCRIPTION), f"cannot be loaded: {type(error).__name__}: {error}"
        ) from error
