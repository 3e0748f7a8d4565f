"""A check of a home's own features: their declarations, words and SQL, on raw tables."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from features.operator.repository import OperatorRepository
from features.own.fault import Fault
from features.own.reading import inspect_directory, require_own_directory
from features.own_check.check import check_own_features
from features.own_check.report import OwnCheck
from holdfast.home import Home
from holdfast.toml_lines import line_of
from models.words.own import words_of_view

_SMALL = {"customers": 60, "months": 9, "seed": 1}
"""The operator that is simulated where the home holds no raw tables yet."""


def check_home(home: Home) -> OwnCheck:
    """Check the features that a home declares for itself.

    They are tried on the home's own raw tables, or on a small simulated operator's where it has none.

    Raises
    ------
    InputError
        The home declares no features.
    """
    directory = require_own_directory(home)
    if any(home.raw.glob("subscriptions/*.parquet")):
        checked = check_own_features(
            directory, home.raw, "the home's raw tables", OperatorRepository(home).zone
        )
    else:
        with TemporaryDirectory() as folder:
            raw = _small_operator(Path(folder) / "operator")
            checked = check_own_features(directory, raw, "a small simulated operator's raw tables")
    faults = [*checked.faults, *_wrong_words(directory)]
    return replace(
        checked, faults=tuple(sorted(faults, key=lambda one: (one.path, one.line, one.rule)))
    )


def _wrong_words(directory: Path) -> list[Fault]:
    views, _ = inspect_directory(directory)
    faults = []
    for view in views:
        text = view.path.read_text(encoding="utf-8")
        faults += [
            Fault(
                view.path, line_of(text, one.keys), f"{'.'.join(one.keys)}: {one.rule}", one.value
            )
            for one in words_of_view(view)[1]
        ]
    return faults


def _small_operator(folder: Path) -> Path:
    from simulator.engine.simulator import simulate

    simulate(folder, _SMALL["customers"], _SMALL["months"], _SMALL["seed"], workers=1)
    return folder / "raw"
