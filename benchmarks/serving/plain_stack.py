"""The plain stack: a BentoML API, Feast's SQLite online store, the booster, and SHAP's explainer.

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
from scipy.special import expit

from benchmarks.serving.servers import PLAIN_STACK_FOLDER


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
        self._slope, self._intercept = model["slope"], model["intercept"]
        self._booster = lgb.Booster(model_file=folder / "booster.txt")
        self._features = self._booster.feature_name()
        self._explainer = shap.TreeExplainer(self._booster)

    @bentoml.api  # type: ignore[untyped-decorator]
    def predict(self, ids: list[str], reasons: int = 3) -> list[dict[str, Any]]:
        """Calibrated probabilities, each with the strongest contributions."""
        values = self._store.get_online_features(self._service, {self._id: ids}).to_dict()
        matrix = np.column_stack([np.array(values[name], dtype=float) for name in self._features])
        margins = self._booster.predict(matrix, raw_score=True, num_threads=1)
        probabilities = expit(self._slope * margins + self._intercept)
        contributions = self._explainer.shap_values(matrix)
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
