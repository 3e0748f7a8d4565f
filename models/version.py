"""A model version: a directory of booster texts plus JSON, and nothing that runs code when it is loaded."""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lightgbm as lgb

from holdfast.errors import InputError, ModelError
from models.bands import BandBounds
from models.calibration import PlattCalibration

FORMAT = 1
_DOCUMENT = "model.json"


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
        Feature names in the booster's order.
    booster : lightgbm.Booster
        Gives the raw margin.
    calibration : PlattCalibration
        Turns the margin into a probability.
    bands : BandBounds
        Turn the probability into a band.
    documents : dict of str to JSON
        What travels with the model unread by it, by file name: the encoding of categories, for one.
    """

    name: str
    service: str
    features: tuple[str, ...]
    booster: lgb.Booster
    calibration: PlattCalibration
    bands: BandBounds
    documents: dict[str, Any] = field(default_factory=dict)

    def save(self, directory: Path) -> str:
        """Write the version into an empty or new directory.

        Returns
        -------
        str
            SHA-256 of ``model.json``, which names those of all other files. Kept apart, it vouches for the whole version.
        """
        directory.mkdir(parents=True, exist_ok=True)
        files = {"booster.txt": self.booster.model_to_string()}
        files |= {name: dump(document) for name, document in self.documents.items()}
        for name, text in files.items():
            (directory / name).write_text(text, encoding="utf-8")
        description = {
            "format": FORMAT,
            "name": self.name,
            "service": self.service,
            "features": list(self.features),
            # A list: a version may come to hold several boosters, such as one a horizon, each with its own calibration.
            "heads": [{"booster": "booster.txt", "calibration": self.calibration.to_json(), "bands": self.bands.to_json()}],
            "sha256": {name: _digest(text) for name, text in files.items()},
        }
        text = dump(description)
        (directory / _DOCUMENT).write_text(text, encoding="utf-8")
        return _digest(text)


def load_version(directory: Path, sha256: str) -> ModelVersion:
    """Read a model version back, checking every file against its digest before it is parsed.

    Parameters
    ----------
    directory : Path
        Where it lies.
    sha256 : str
        Digest of its ``model.json``, as `ModelVersion.save` gave it.

    Raises
    ------
    ModelError
        A file is missing, damaged, of another format, or booster and features do not fit.
    """
    try:
        description = json.loads(_read_verified(directory / _DOCUMENT, sha256))
        if description["format"] != FORMAT:
            raise ModelError(f"model {directory.name}", f"must be of format {FORMAT}", description["format"])
        files = {name: _read_verified(directory / Path(name).name, digest) for name, digest in description["sha256"].items()}
        (head,) = description["heads"]
        booster_name = head["booster"]
        version = ModelVersion(
            name=description["name"],
            service=description["service"],
            features=tuple(description["features"]),
            booster=lgb.Booster(model_str=files.pop(booster_name)),
            calibration=PlattCalibration.from_json(head["calibration"]),
            bands=BandBounds(**head["bands"]),
            documents={name: json.loads(text) for name, text in files.items()},
        )
    except ModelError:
        raise
    except (OSError, ValueError, KeyError, TypeError, InputError, lgb.basic.LightGBMError) as error:
        raise ModelError(str(directory / _DOCUMENT), f"cannot be loaded: {type(error).__name__}: {error}") from error
    if tuple(version.booster.feature_name()) != version.features:
        raise ModelError(str(directory / booster_name), "must have been trained on the features that model.json names")
    return version


def dump(document: object) -> str:
    """JSON as holdfast stores it: readable, keys in the order given, text unescaped."""
    return json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _read_verified(path: Path, digest: str) -> str:
    text = path.read_text(encoding="utf-8")
    if _digest(text) != digest:
        raise ModelError(str(path), "is damaged: its SHA-256 is not the one it was saved with")
    return text
