"""Revisions of the level beside model versions: one file for each version, the newest revision alone.

A version's own files never change, so that its first revision stays in it. Scores keep what they
were made at.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from holdfast.documents import read_document, to_document
from holdfast.errors import InputError, ModelError
from holdfast.files import write_beside
from holdfast.home import Home
from models.level.revision import LEVEL, LevelRevision
from models.registry import VersionAddress
from models.stored import dump


def current_level(
    home: Home, name: str, address: VersionAddress, documents: Mapping[str, Any]
) -> LevelRevision | None:
    """The newest revision of a version's level: that beside it, or else its first one; None where it
    has none, as versions that were made before there were levels.

    Parameters
    ----------
    home : Home
        Holds the version.
    name : str
        The registered model.
    address : VersionAddress
        The version.
    documents : mapping of str to JSON
        Its documents, by file name.

    Raises
    ------
    ModelError
        A file is damaged.
    """
    path = _path(home, name, address)
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored["model_sha256"] == address.sha256:
            return read_document(LevelRevision, stored["revision"], path.name)
    except FileNotFoundError:
        pass
    except (OSError, ValueError, KeyError, TypeError, InputError) as error:
        raise ModelError(
            str(path), f"must be a revision of the level, or be removed: {error}"
        ) from None
    document = documents.get(LEVEL)
    return None if document is None else read_document(LevelRevision, document, LEVEL)


def write_level(home: Home, name: str, address: VersionAddress, revision: LevelRevision) -> None:
    """Put a revision beside a version, in place of an earlier one.

    Parameters
    ----------
    home, name, address
        As of `current_level`.
    revision : LevelRevision
        The revision.
    """
    path = _path(home, name, address)
    path.parent.mkdir(exist_ok=True)
    document = {"model_sha256": address.sha256, "revision": to_document(revision)}
    write_beside(path, dump(document))


def _path(home: Home, name: str, address: VersionAddress) -> Path:
    return home.levels / f"{name}_{address.number}.json"
