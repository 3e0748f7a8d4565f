"""Uplift: the change in the probability of staying because of an action, predicted for each person
from an experiment.

A version of an uplift model is a booster text and JSON, like any other. Its prediction for a person
is an estimate. The uplift of one person is never observed, so no interval can be given for it; what
an experiment does observe is the mean effect in a group of people with similar predictions, and
that group's interval comes with the prediction.
"""

import json
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from holdfast.arrays import Floats
from holdfast.documents import read_document, to_document
from holdfast.errors import ModelError
from models.stored import DESCRIPTION, digest, dump, loading, read_files, read_verified

FORMAT = 1
_BOOSTER = "booster.txt"


@dataclass(frozen=True)
class UpliftGroup:
    """People with similar predicted uplift, and the effect of the action on them.

    Parameters
    ----------
    least : float
        Lowest raw prediction of a group's members; the last group also holds all lower ones.
    effect, low, high : float
        Mean effect, evaluated by models that were not fitted on these members, and its interval,
        which holds jointly for all groups.
    """

    least: float
    effect: float
    low: float
    high: float


@dataclass(frozen=True)
class Uplift:
    """What an action is *estimated* to do for n people; positive is good.

    Parameters
    ----------
    effect : (n,) float64
        Estimated uplift of each; the average effect for everybody where the ranking is not shown to
        beat chance.
    ranking : (n,) float64
        Only an order: act on the highest first.
    group : (n,) int64
        Group of each, 0 for the highest predictions.
    low, high : (n,) float64
        Interval of the mean effect in that group in the experiment, not of the person's own uplift.
    """

    effect: Floats
    ranking: Floats
    group: NDArray[np.int64]
    low: Floats
    high: Floats

    label: ClassVar[str] = "estimated"
    """How the effect is known: *assumed*, *estimated* or *randomised*."""


@dataclass(frozen=True, kw_only=True)
class UpliftModel:
    """What predicts the uplift of one action.

    Parameters
    ----------
    name : str
        Registered name, such as ``uplift_courtesy_call``.
    action : str
        The action; compared with none.
    service : str or None
        Feature service that the features come from; None where they come from a table of the team's
        own.
    features : tuple of str
        Feature names in the booster's order.
    booster : lightgbm.Booster
        Gives the raw prediction, in the unit of the outcome.
    average, low, high : float
        Average effect in the experiment, and its 95 % interval.
    centre : float
        Mean raw prediction in the experiment.
    slope : float
        Share of the differences between raw predictions that is kept, 0 to 1; 0 where the ranking
        is not shown to beat chance.
    works, targetable : bool
        Verdicts of the experiment: the average effect is above zero; the ranking beats a random
        one.
    groups : tuple of UpliftGroup
        Highest predictions first.
    documents : dict of str to JSON
        What is stored with the model and not read by it, by file name: the experiment's result, the
        encoding of categories.
    """

    name: str
    action: str
    service: str | None
    features: tuple[str, ...]
    booster: lgb.Booster
    average: float
    low: float
    high: float
    centre: float
    slope: float
    works: bool
    targetable: bool
    groups: tuple[UpliftGroup, ...]
    documents: dict[str, Any] = field(default_factory=dict)

    @property
    def detectable(self) -> bool:
        """Whether any uplift was shown: on average, or more for some people than for others."""
        return self.works or self.targetable

    def predict(self, matrix: Floats, threads: int = 1) -> Uplift:
        """Predict uplift.

        Parameters
        ----------
        matrix : (n, k) float64
            Features in the model's order, NaN for missing.
        threads : int
            Threads of the call; 0 for all cores. The result does not depend on it.

        Raises
        ------
        ModelError
            The matrix has another number of columns than the model has features.
        """
        if matrix.ndim != 2 or matrix.shape[1] != len(self.features):
            raise ModelError(
                "features", f"the model needs rows of {len(self.features)} features", matrix.shape
            )
        if len(matrix) == 0:
            empty = np.empty(0)
            return Uplift(empty, empty, np.empty(0, dtype=np.int64), empty, empty)
        raw = np.asarray(self.booster.predict(matrix, num_threads=threads), dtype=np.float64)
        # The last group has no lower end, so that everybody belongs to one.
        ends = np.array([group.least for group in self.groups[:-1]])
        group = (raw[:, None] < ends).sum(axis=1).astype(np.int64)
        return Uplift(
            effect=self.average + self.slope * (raw - self.centre),
            ranking=raw,
            group=group,
            low=np.array([one.low for one in self.groups])[group],
            high=np.array([one.high for one in self.groups])[group],
        )

    def save(self, directory: Path) -> str:
        """Write the model into an empty or new directory.

        Returns
        -------
        str
            SHA-256 of ``model.json``, which holds those of all other files. Kept elsewhere, it
            proves that no file of the model has changed.
        """
        directory.mkdir(parents=True, exist_ok=True)
        files = {_BOOSTER: self.booster.model_to_string()}
        files |= {name: dump(document) for name, document in self.documents.items()}
        for name, text in files.items():
            (directory / name).write_text(text, encoding="utf-8")
        stored = _StoredUplift(
            format=FORMAT,
            kind="uplift",
            **{name: getattr(self, name) for name in _STORED},
            sha256={name: digest(text) for name, text in files.items()},
        )
        text = dump(to_document(stored))
        (directory / DESCRIPTION).write_text(text, encoding="utf-8")
        return digest(text)


@dataclass(frozen=True, kw_only=True)
class _StoredUplift:
    """What ``model.json`` holds of an `UpliftModel`, with the SHA-256 of every other file."""

    format: int
    kind: Literal["uplift"]
    name: str
    action: str
    service: str | None
    features: tuple[str, ...]
    average: float
    low: float
    high: float
    centre: float
    slope: Annotated[float, Field(ge=0, le=1)]
    works: bool
    targetable: bool
    groups: Annotated[tuple[UpliftGroup, ...], Field(min_length=1)]
    sha256: dict[str, str]


_STORED = tuple(
    field.name for field in fields(_StoredUplift) if field.name not in ("format", "kind", "sha256")
)
"""Fields that ``model.json`` holds just as the model does."""


def load_uplift(directory: Path, sha256: str) -> UpliftModel:
    """Read an uplift model back, checking every file against its digest before it is parsed.

    Parameters
    ----------
    directory : Path
        Its folder.
    sha256 : str
        Digest of its ``model.json``, as `UpliftModel.save` gave it.

    Raises
    ------
    ModelError
        A file is missing, damaged, of another format or kind, or booster and features do not fit.
    """
    with loading(directory):
        description = json.loads(read_verified(directory / DESCRIPTION, sha256))
        _check_format(description, directory)
        stored = read_document(_StoredUplift, description, DESCRIPTION)
        files = read_files(directory, stored.sha256)
        booster = lgb.Booster(model_str=files.pop(_BOOSTER))
        documents = {name: json.loads(text) for name, text in files.items()}
    if tuple(booster.feature_name()) != stored.features:
        raise ModelError(
            str(directory / _BOOSTER),
            "must have been trained on the features that model.json names",
        )
    values = {name: getattr(stored, name) for name in _STORED}
    return UpliftModel(**values, booster=booster, documents=documents)


def _check_format(description: object, directory: Path) -> None:
    stored = description if isinstance(description, dict) else {}
    if stored.get("format") != FORMAT or stored.get("kind") != "uplift":
        raise ModelError(
            f"model {directory.name}",
            f"must be an uplift model of format {FORMAT}",
            stored.get("format"),
        )
