"""Trainings that found nothing and so registered no version: what is kept of the last one of a model,
beside its report.

Whoever asks why a model does not score is told so. It is removed when a version of the model is
registered later. The run itself is in MLflow.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from holdfast.documents import inspect_document, to_document
from holdfast.files import write_beside
from holdfast.home import Home
from models.targets import TARGETS


@dataclass(frozen=True, kw_only=True)
class FoundNothing:
    """The last training of a model, which found nothing.

    Parameters
    ----------
    model : str
        Name that a version would have been registered under.
    at : str
        When it was trained, ISO 8601 in UTC.
    enough_data : bool
        Whether a useful model would have been seen; else there is not enough data yet.
    report : str
        Its report, as a path in the home.
    run_id : str
        MLflow's name of its run.
    """

    model: str
    at: str
    enough_data: bool
    report: str
    run_id: str


def report_of(home: Home, model: str) -> Path:
    """Where the report of a model's last training that found nothing lies."""
    return home.reports / f"{model}_nothing_found.html"


def keep_found_nothing(home: Home, found: FoundNothing) -> None:
    """Keep it in place of an earlier one; the caller holds the home's lock."""
    write_beside(_path(home, found.model), json.dumps(to_document(found), indent=2) + "\n")


def forget_found_nothing(home: Home, model: str) -> None:
    """Forget it, because a later training registers a version; the caller holds the home's lock."""
    _path(home, model).unlink(missing_ok=True)


def find_found_nothing(home: Home, model: str) -> FoundNothing | None:
    """The last training of a model, where it found nothing; None where it registered a version, where
    there was none, or where what was kept cannot be read.
    """
    try:
        document = json.loads(_path(home, model).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return inspect_document(FoundNothing, document, _path(home, model).name)[0]


def all_found_nothing(home: Home) -> tuple[FoundNothing, ...]:
    """Those of all models, in the order of `models.targets.TARGETS`."""
    return tuple(filter(None, (find_found_nothing(home, model) for model in TARGETS)))


def _path(home: Home, model: str) -> Path:
    return report_of(home, model).with_suffix(".json")
