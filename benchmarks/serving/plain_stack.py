"""The plain stack: a BentoML API, Feast's SQLite online store, the boosters, and SHAP's explainer.

It is what a competent engineer writes in an afternoon: one process, everything loaded once and
kept, no data frame on the way. `benchmarks.serving.plain_files` writes the folder that it reads.
"""

import json
import os
from pathlib import Path
from typing import Any

import bentoml
import lightgbm as lgb
import numpy as np

from benchmarks.serving.servers import PLAIN_STACK_FOLDER
from holdfast.documents import read_document
from models.calibration import KINDS


@bentoml.service(workers=1)
class PlainStack:
    """Predicts for stored customers."""

    def __init__(self) -> None:
        import shap
        from feast import FeatureStore

        folder = Path(os.environ[PLAIN_STACK_FOLDER])
        model = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        self._store = FeatureStore(repo_path=str(folder))
        # Kept, because finding it takes longer than a prediction.
        self._service = self._store.get_feature_service(model["service"])
        self._id = model["id"]
        kind = KINDS[model["calibration"]["kind"]]
        self._calibration = read_document(kind, model["calibration"], "model.json")
        self._boosters = [lgb.Booster(model_file=folder / name) for name in model["boosters"]]
        self._features = self._boosters[0].feature_name()
        self._explainers = [shap.TreeExplainer(booster) for booster in self._boosters]

    @bentoml.api  # type: ignore[untyped-decorator]
    def predict(self, ids: list[str], reasons: int = 3) -> list[dict[str, Any]]:
        """Calibrated probabilities, each with the strongest contributions."""
        values = self._store.get_online_features(self._service, {self._id: ids}).to_dict()
        matrix = np.column_stack([np.array(values[name], dtype=float) for name in self._features])
        margins = [
            booster.predict(matrix, raw_score=True, num_threads=1) for booster in self._boosters
        ]
        probabilities = self._calibration.probability(np.mean(margins, axis=0))
        contributions = np.mean(
            [explainer.shap_values(matrix) for explainer in self._explainers], axis=0
        )
        strongest = np.argsort(-np.abs(contributions), axis=1)[:, :reasons]
        return [
            {
                "id": ids[row],
                "probability": float(probabilities[row]),
                "reasons": [
                    {
                        "feature": self._features[column],
                        "value": float(matrix[row, column]),
                        "contribution": float(contributions[row, column]),
                    }
                    for column in strongest[row]
                ],
            }
            for row in range(len(ids))
        ]
