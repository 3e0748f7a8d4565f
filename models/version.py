"""A model version: a directory of booster texts and JSON. Loading it runs no stored code.

A version has one `HorizonModel` for each horizon. That holds one `StratumModel` for each stratum
(rows of one kind, such as prepaid lines) with boosters or a calibration of its own, and one for
all other rows. In ``model.json`` they are stored under ``heads`` and ``parts``. Versions of format
2, in which each part has a single booster, are read too.

A version may hold two sets of horizon models: those that score, and those that its figures are of,
which learnt from fewer rows. The latter are loaded by `load_evaluated` alone, so that a server has
no memory for them; a later training compares itself with them, as the others have learnt from the
rows that it tests on.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Self

import lightgbm as lgb
from pydantic import Field

from holdfast.documents import read_document, to_document
from holdfast.errors import ModelError
from models.bands import BandBounds
from models.calibration import Calibration
from models.stored import DESCRIPTION, digest, dump, loading, read_files, read_verified
from models.strata import EVERYONE, Strata

FORMAT = 3
_ONE_BOOSTER = 2
"""Format of versions whose parts have one booster each."""


@dataclass(frozen=True)
class StratumModel:
    """What scores the rows of one stratum.

    Parameters
    ----------
    boosters : tuple of lightgbm.Booster
        At least one; the raw margin is the mean of theirs. Several stratum models may share them.
    calibration : Calibration
        Turns the margin into a probability.
    """

    boosters: tuple[lgb.Booster, ...]
    calibration: Calibration

    @property
    def trees(self) -> int:
        """Trees of all boosters together."""
        return sum(booster.num_trees() for booster in self.boosters)

    def shares_boosters(self, other: "StratumModel") -> bool:
        """Whether another stratum model has the same boosters."""
        return tuple(map(id, self.boosters)) == tuple(map(id, other.boosters))


@dataclass(frozen=True, kw_only=True)
class HorizonModel:
    """What gives each row one probability.

    Parameters
    ----------
    horizon_days : int or None
        Days that the outcome may take, None where the target names none.
    stratum_models : mapping of str to StratumModel
        By stratum; `EVERYONE` is always there.
    bands : BandBounds
        Turn the probability into a band.
    """

    horizon_days: int | None
    stratum_models: Mapping[str, StratumModel]
    bands: BandBounds

    @classmethod
    def plain(
        cls, boosters: Sequence[lgb.Booster], calibration: Calibration, bands: BandBounds
    ) -> Self:
        """A model without horizon and strata."""
        return cls(
            horizon_days=None,
            stratum_models={EVERYONE: StratumModel(tuple(boosters), calibration)},
            bands=bands,
        )

    @property
    def everyone(self) -> StratumModel:
        """The model for rows without a stratum of their own."""
        return self.stratum_models[EVERYONE]

    def stratum_model(self, stratum: str) -> StratumModel:
        """The model that scores the rows of a stratum."""
        return self.stratum_models.get(stratum, self.everyone)


@dataclass(frozen=True, kw_only=True)
class ModelVersion:
    """Everything that scoring needs, in one value.

    Parameters
    ----------
    name : str
        What is predicted, such as ``churn``; also the registered model's name.
    service : str
        Feature service that the features come from.
    features : tuple of str
        Feature names in the boosters' order.
    horizon_models : tuple of HorizonModel
        Shortest horizon first; at least one.
    strata : Strata or None
        Which stratum a row belongs to; None where there are no strata.
    documents : dict of str to JSON
        What is stored with the model and not read by it, by file name, such as the encoding of
        categories.
    evaluated : tuple of HorizonModel
        What the version's figures are of, where that is not what scores. It is saved, but
        `load_version` does not load it.
    """

    name: str
    service: str
    features: tuple[str, ...]
    horizon_models: tuple[HorizonModel, ...]
    strata: Strata | None = None
    documents: dict[str, Any] = field(default_factory=dict)
    evaluated: tuple[HorizonModel, ...] = ()

    @property
    def main(self) -> HorizonModel:
        """The model with the longest horizon, which is used where no horizon is named."""
        return self.horizon_models[-1]

    @cached_property
    def horizons(self) -> tuple[int | None, ...]:
        """Horizons of the models, in days."""
        return tuple(model.horizon_days for model in self.horizon_models)

    @cached_property
    def boosters(self) -> dict[str, lgb.Booster]:
        """Every booster that scores once, by the name of its file."""
        return _named_boosters(self.horizon_models)

    def place(self, horizon_days: int | None) -> int:
        """Position of the model with a horizon; of the main one for None.

        Raises
        ------
        ModelError
            There is no such horizon.
        """
        if horizon_days is None:
            return len(self.horizon_models) - 1
        if horizon_days not in self.horizons:
            days = ", ".join(str(days) for days in self.horizons if days is not None) or "none"
            raise ModelError(
                "horizon_days", f"must be one that model {self.name} has: {days}", horizon_days
            )
        return self.horizons.index(horizon_days)

    def save(self, directory: Path) -> str:
        """Write the version into an empty or new directory.

        Returns
        -------
        str
            SHA-256 of ``model.json``, which holds those of all other files. Kept elsewhere, it
            proves that no file of the version has changed.
        """
        directory.mkdir(parents=True, exist_ok=True)
        boosters = dict(self.boosters)
        for name, booster in _named_boosters(self.evaluated, "evaluated_").items():
            if not any(booster is other for other in boosters.values()):
                boosters[name] = booster
        files = {name: booster.model_to_string() for name, booster in boosters.items()}
        files |= {name: dump(document) for name, document in self.documents.items()}
        for name, text in files.items():
            (directory / name).write_text(text, encoding="utf-8")
        text = dump(to_document(self._stored(files, boosters)))
        (directory / DESCRIPTION).write_text(text, encoding="utf-8")
        return digest(text)

    def _stored(
        self, files: Mapping[str, str], boosters: Mapping[str, lgb.Booster]
    ) -> "_StoredVersion":
        names = {id(booster): name for name, booster in boosters.items()}
        return _StoredVersion(
            format=FORMAT,
            name=self.name,
            service=self.service,
            features=self.features,
            strata=self.strata,
            horizon_models=_stored_models(self.horizon_models, names),
            evaluated=_stored_models(self.evaluated, names),
            sha256={name: digest(text) for name, text in files.items()},
        )


def _named_boosters(
    horizon_models: Sequence[HorizonModel], prefix: str = ""
) -> dict[str, lgb.Booster]:
    """Every booster once, by the name of its file, such as ``booster_90_prepaid.txt`` or, for the
    second that is averaged, ``booster_90_prepaid.2.txt``.
    """
    boosters: dict[str, lgb.Booster] = {}
    for model in horizon_models:
        for stratum, stratum_model in sorted(model.stratum_models.items()):
            days = str(model.horizon_days) if model.horizon_days else ""
            name = prefix + "_".join(filter(None, ("booster", days, stratum)))
            for number, booster in enumerate(stratum_model.boosters, 1):
                if not any(booster is other for other in boosters.values()):
                    boosters[f"{name}{'' if number == 1 else f'.{number}'}.txt"] = booster
    return boosters


def _stored_models(
    horizon_models: Sequence[HorizonModel], names: Mapping[int, str]
) -> "tuple[_StoredHorizonModel, ...]":
    return tuple(
        _StoredHorizonModel(
            horizon_days=model.horizon_days,
            stratum_models={
                stratum: _StoredStratumModel(
                    boosters=tuple(names[id(booster)] for booster in one.boosters),
                    calibration=one.calibration,
                )
                for stratum, one in sorted(model.stratum_models.items())
            },
            bands=model.bands,
        )
        for model in horizon_models
    )


@dataclass(frozen=True, kw_only=True)
class _StoredStratumModel:
    """A `StratumModel` in ``model.json``, with the files of its boosters."""

    boosters: Annotated[tuple[str, ...], Field(min_length=1)]
    calibration: Calibration


@dataclass(frozen=True, kw_only=True)
class _StoredHorizonModel:
    """A `HorizonModel` in ``model.json``."""

    horizon_days: int | None
    stratum_models: Annotated[dict[str, _StoredStratumModel], Field(alias="parts")]
    bands: BandBounds

    def __post_init__(self) -> None:
        if EVERYONE not in self.stratum_models:
            raise ValueError(f"parts must hold one for all other rows, under {EVERYONE!r}")


@dataclass(frozen=True, kw_only=True)
class _StoredVersion:
    """What ``model.json`` holds of a `ModelVersion`, with the SHA-256 of every other file."""

    format: int
    name: str
    service: str
    features: tuple[str, ...]
    strata: Strata | None
    horizon_models: Annotated[tuple[_StoredHorizonModel, ...], Field(alias="heads", min_length=1)]
    sha256: dict[str, str]
    evaluated: tuple[_StoredHorizonModel, ...] = ()

    @property
    def booster_names(self) -> set[str]:
        """Files of all boosters, of those that are evaluated too."""
        return {
            name for model in (*self.horizon_models, *self.evaluated) for name in _names_in(model)
        }


def _names_in(model: _StoredHorizonModel) -> set[str]:
    return {name for one in model.stratum_models.values() for name in one.boosters}


def load_version(directory: Path, sha256: str) -> ModelVersion:
    """Read what scores of a model version back, checking every file against its digest before it is
    parsed.

    Parameters
    ----------
    directory : Path
        Its folder.
    sha256 : str
        Digest of its ``model.json``, as `ModelVersion.save` gave it.

    Raises
    ------
    ModelError
        A file is missing, damaged, of another format, or boosters and features do not fit.
    """
    return _load(directory, sha256, evaluated=False)


def load_evaluated(directory: Path, sha256: str) -> ModelVersion:
    """Read a version whose horizon models are those that its figures are of; what scores, where that
    is what was evaluated. Arguments and errors as of `load_version`.
    """
    return _load(directory, sha256, evaluated=True)


def _load(directory: Path, sha256: str, *, evaluated: bool) -> ModelVersion:
    with loading(directory):
        description = json.loads(read_verified(directory / DESCRIPTION, sha256))
        _check_format(description, directory)
        stored = read_document(_StoredVersion, _in_present_format(description), DESCRIPTION)
        files = read_files(directory, stored.sha256)
        models = stored.evaluated if evaluated and stored.evaluated else stored.horizon_models
        named = {name for model in models for name in _names_in(model)}
        boosters = {name: lgb.Booster(model_str=files[name]) for name in sorted(named)}
        documents = {
            name: json.loads(text)
            for name, text in files.items()
            if name not in stored.booster_names
        }
    version = ModelVersion(
        name=stored.name,
        service=stored.service,
        features=stored.features,
        horizon_models=tuple(_loaded(model, boosters) for model in models),
        strata=stored.strata,
        documents=documents,
    )
    _check(version, boosters, directory)
    return version


def _check_format(description: object, directory: Path) -> None:
    stored_format = description.get("format") if isinstance(description, dict) else None
    if stored_format not in (FORMAT, _ONE_BOOSTER):
        raise ModelError(
            f"model {directory.name}",
            f"must be of format {_ONE_BOOSTER} or {FORMAT}; train it again",
            stored_format,
        )


def _in_present_format(description: dict[str, Any]) -> dict[str, Any]:
    """A description of format 2 as one of format 3; others, and what is not as either has it,
    unchanged.
    """
    heads = description.get("heads")
    if description["format"] == FORMAT or not isinstance(heads, list):
        return description
    return {**description, "format": FORMAT, "heads": [_with_boosters(head) for head in heads]}


def _with_boosters(head: Any) -> Any:
    parts = head.get("parts") if isinstance(head, dict) else None
    if not isinstance(parts, dict):
        return head
    return {
        **head,
        "parts": {
            stratum: {
                **{name: value for name, value in part.items() if name != "booster"},
                "boosters": [part["booster"]],
            }
            if isinstance(part, dict) and "booster" in part
            else part
            for stratum, part in parts.items()
        },
    }


def _loaded(stored: _StoredHorizonModel, boosters: Mapping[str, lgb.Booster]) -> HorizonModel:
    return HorizonModel(
        horizon_days=stored.horizon_days,
        stratum_models={
            stratum: StratumModel(tuple(boosters[name] for name in one.boosters), one.calibration)
            for stratum, one in stored.stratum_models.items()
        },
        bands=stored.bands,
    )


def _check(version: ModelVersion, boosters: dict[str, lgb.Booster], directory: Path) -> None:
    for name, booster in boosters.items():
        if tuple(booster.feature_name()) != version.features:
            raise ModelError(
                str(directory / name),
                "must have been trained on the features that model.json names",
            )
    if version.strata and version.strata.feature not in version.features:
        raise ModelError(
            str(directory / DESCRIPTION),
            "must give strata by one of its features",
            version.strata.feature,
        )
