"""Quality on real tables: quickstart's model, LightGBM as it comes and a logistic regression, judged on the same folds.

``python -m benchmarks.quality`` reads the public data sets from ``HOLDFAST_REAL_DATA`` or ``../shared/data``.
"""

import csv
import gzip
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import lightgbm as lgb
import numpy as np
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from benchmarks.report import show
from features.customer_table import Roles
from holdfast.settings import Home
from pipeline.quickstart import quickstart
from training.settings import TrainingSettings
from training.split import Floats, cross_validation

FitPredict = Callable[[Floats, Floats, Floats, list[int]], Floats]


@dataclass(frozen=True)
class Case:
    """A table, what its columns are for, and the reference figures published for it."""

    name: str
    table: Path
    roles: Roles
    reference: str


def main() -> None:
    """Run every case and print the figures."""
    folder = Path(os.environ.get("HOLDFAST_REAL_DATA", "../shared/data"))
    rows = []
    for case in _cases(folder):
        with tempfile.TemporaryDirectory() as home:
            run = quickstart(case.table, case.roles, Home(Path(home)))
            found = run.training.evaluation
            matrix = run.encoding.encode(run.customers.table)[run.customers.known]
            label = run.customers.label[run.customers.known]
            categorical = [position for position, column in enumerate(run.encoding.columns) if column.kind == "category"]
            rows.append(
                {
                    "table": case.name,
                    "AUC": found.auc,
                    "LightGBM as it comes": _auc(label, matrix, categorical, _plain_lightgbm),
                    "logistic regression": _auc(label, matrix, categorical, _logistic),
                    "reference AUC": case.reference,
                    "average precision": found.average_precision,
                    "lift": found.lift_top_decile,
                    "ece": found.ece,
                    "flags": ", ".join(sorted({flag.kind for flag in run.training.flags})),
                    "seconds": round(run.seconds),
                }
            )
    show("Quality out of fold, the same folds for all", rows)


def _cases(folder: Path) -> Iterator[Case]:
    yield Case(
        "IBM telco", folder / "ibm_telco/telco_customer_churn.csv", Roles(id="customerID", target="Churn"), "0.844 to 0.8495"
    )
    yield Case("MLC++", folder / "mlc_churn/mlc_churn.csv", Roles(target="churn"), "0.9241 to 0.9296")
    costs = ("C_FP", "C_FN", "C_TP", "C_TN")
    pay_tv = folder / "tv_subscription/churn_tv_subscriptions.csv.gz"
    yield Case("pay-TV", pay_tv, Roles(id="id", target="target", drop=costs), "0.702")
    voice = folder / "beijing_satisfaction/voice.csv.gz"
    with gzip.open(voice, "rt", encoding="utf-8-sig", newline="") as stream:
        names = next(csv.reader(stream))
    operator = frozenset(names[names.index("用户描述.1") + 1 :])
    dissatisfied = Roles(id=names[0], target=names[1], positive=tuple("123456"), available=operator)
    yield Case("Beijing voice, operator columns", voice, dissatisfied, "0.675 to 0.693")


def _auc(label: Floats, matrix: Floats, categorical: list[int], fit_predict: FitPredict) -> float:
    splits = cross_validation(label, None, TrainingSettings.read())
    return float(
        np.mean(
            [
                roc_auc_score(label[s.test], fit_predict(matrix[s.train], label[s.train], matrix[s.test], categorical))
                for s in splits
            ]
        )
    )


def _plain_lightgbm(train: Floats, label: Floats, test: Floats, categorical: list[int]) -> Floats:
    data = lgb.Dataset(train, label, categorical_feature=categorical)
    return np.asarray(lgb.train({"objective": "binary", "verbosity": -1, "seed": 1}, data).predict(test))


def _logistic(train: Floats, label: Floats, test: Floats, categorical: list[int]) -> Floats:
    numeric = [position for position in range(train.shape[1]) if position not in categorical]
    columns = make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler()), numeric),
        (OneHotEncoder(handle_unknown="ignore", min_frequency=10), categorical),
    )
    model = make_pipeline(columns, LogisticRegression(max_iter=2000))
    return np.asarray(model.fit(train, label).predict_proba(test)[:, 1])


if __name__ == "__main__":
    main()
