"""Signature and input example: inputs and outputs of a registered model, stored beside it for
people.

MLflow's own models enforce a signature at every call and refuse whole numbers where doubles are
declared. Our models are scored by `models.scorer`, which checks its input, so the signature is only
documentation.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd

from holdfast.arrays import Floats
from models.scorer import Scorer
from models.stored import dump
from models.version import ModelVersion

SIGNATURE = "signature.json"
INPUT_EXAMPLE = "input_example.json"


@dataclass(frozen=True, kw_only=True)
class InputExample:
    """Rows that show inputs and outputs of a model. They are no customer's rows.

    Parameters
    ----------
    features : tuple of str
        Names of the k columns.
    matrix : (n, k) float64
        NaN for missing.
    outputs : mapping of str to (n,) float64
        Outputs of the model for them, by name.
    """

    features: tuple[str, ...]
    matrix: Floats
    outputs: Mapping[str, Floats]

    @classmethod
    def of(cls, model: ModelVersion, matrix: Floats | None = None) -> Self:
        """An example of two rows: one of medians, which need not be any customer's row, and one
        with all values missing.

        Parameters
        ----------
        model : ModelVersion
            Gives the outputs.
        matrix : (n, k) float64, optional
            Rows to take medians of, in the model's order. Without them only the empty row is shown.
        """
        rows = np.full((1, len(model.features)), np.nan)
        if matrix is not None and len(matrix):
            present = np.where(np.isnan(matrix).all(axis=0), 0.0, matrix)
            rows = np.vstack(
                [
                    np.where(np.isnan(matrix).all(axis=0), np.nan, np.nanmedian(present, axis=0)),
                    rows,
                ]
            )
        scores = Scorer(model, threads=1).score_all(rows)
        names = [
            "probability" if days is None else f"probability_{days}d" for days in model.horizons
        ]
        outputs = {name: one.probability for name, one in zip(names, scores, strict=True)}
        return cls(features=model.features, matrix=rows, outputs=outputs)

    def save(self, directory: Path) -> None:
        """Write ``signature.json``, as MLflow understands it, and ``input_example.json``, by
        columns and rows.
        """
        from mlflow.models import infer_signature

        inputs = pd.DataFrame(self.matrix, columns=list(self.features))
        signature = infer_signature(inputs, pd.DataFrame(dict(self.outputs))).to_dict()
        columns = {side: json.loads(signature[side]) for side in ("inputs", "outputs")}
        (directory / SIGNATURE).write_text(dump(columns), encoding="utf-8")
        rows = [
            [None if np.isnan(value) else value for value in row] for row in self.matrix.tolist()
        ]
        (directory / INPUT_EXAMPLE).write_text(
            dump({"columns": list(self.features), "data": rows}), encoding="utf-8"
        )
