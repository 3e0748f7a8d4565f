"""A new file scored with an old model of a table."""

from collections.abc import Callable
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from features.flat.customers import Roles, read_customer_table
from holdfast.errors import InputError, ModelError
from holdfast.home import Home
from models.bands import BandBounds
from models.calibration import PlattCalibration
from models.scorer import Scorer
from models.version import HorizonModel, ModelVersion
from pipeline.score_table import TableScores, score_table
from tests.builders.clocks import NOW, clock_at
from tests.builders.night import register_champion


@pytest.fixture(scope="module")
def table(customer_table: Callable[..., pa.Table]) -> pa.Table:
    return customer_table(300)


@pytest.fixture(scope="module")
def made(
    table: pa.Table, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Home, ModelVersion, np.ndarray]:
    """A home with a champion of the table, and the features it was trained on."""
    folder = tmp_path_factory.mktemp("table")
    path = folder / "customers.csv"
    pa_csv.write_csv(table, path)
    customers = read_customer_table(path, Roles(target="left", id="customer"), NOW)
    encoding = customers.encoding(None)
    matrix = encoding.encode(customers.table)
    data = lgb.Dataset(matrix, np.nan_to_num(customers.label), feature_name=list(encoding.features))
    options = {"objective": "binary", "verbosity": -1, "num_threads": 1, "num_leaves": 5}
    version = ModelVersion(
        name="churn_table",
        service="quickstart_v1",
        features=encoding.features,
        horizon_models=(
            HorizonModel.plain(
                [lgb.train(options, data, 10)],
                PlattCalibration(slope=1.0, intercept=0.0),
                BandBounds(high=0.5, medium=0.2),
            ),
        ),
        documents={
            "encoding.json": encoding.to_json(),
            "columns.json": {
                "id": "customer",
                "columns": customers.table.column_names,
                "readings": [
                    customers.plan.column(column.name).stored() for column in encoding.columns
                ],
            },
        },
    )
    home = Home(folder / "home")
    home.root.mkdir()
    register_champion(home, version)
    return home, version, matrix


def score(home: Home, table: pa.Table, folder: Path, out: str = "scores.parquet") -> TableScores:
    path = folder / "new.csv"
    pa_csv.write_csv(table, path)
    return score_table(path, home, "churn_table", folder / out, clock=clock_at())


def test_the_same_rows_get_the_same_scores(
    made: tuple[Home, ModelVersion, np.ndarray], table: pa.Table, tmp_path: Path
) -> None:
    home, version, matrix = made
    scores = score(home, table, tmp_path)
    stored = pq.read_table(scores.out)
    assert stored["id"].to_pylist() == table["customer"].to_pylist()
    expected = Scorer(version, threads=1).score(matrix).probability
    assert stored["probability"].to_pylist() == expected.tolist()
    assert scores.rows.unread == scores.rows.unseen == {}
    assert scores.rows.absent == ()
    assert sum(scores.bands.values()) == 300


def test_cells_that_do_not_fit_are_missing_and_counted(
    made: tuple[Home, ModelVersion, np.ndarray], table: pa.Table, tmp_path: Path
) -> None:
    home, _, _ = made
    rows = table.slice(0, 10).drop_columns(["left", "since"])
    fees = ["?!", *(None if fee is None else str(fee) for fee in rows["fee_y"].to_pylist()[1:])]
    contracts = ["weekly", "MONTHLY", *rows["Contract"].to_pylist()[2:]]
    rows = rows.set_column(rows.column_names.index("fee_y"), "fee_y", pa.array(fees))
    rows = rows.set_column(rows.column_names.index("Contract"), "Contract", pa.array(contracts))
    scores = score(home, rows.append_column("mood", pa.array(["fine"] * 10)), tmp_path)
    assert scores.rows.unread == {"fee_y": 1}
    assert scores.rows.unseen == {"Contract": 1}
    assert scores.rows.absent == ("since",)
    assert "mood" in scores.rows.ignored
    changed = scores.rows.matrix
    contract = scores.rows.encoding.features.index(
        next(c.feature for c in scores.rows.encoding.columns if c.name == "Contract")
    )
    assert np.isnan(changed[0, contract])
    assert not np.isnan(changed[1, contract])
    assert pq.read_table(scores.out).num_rows == 10


def test_a_csv_holds_the_same(
    made: tuple[Home, ModelVersion, np.ndarray], table: pa.Table, tmp_path: Path
) -> None:
    home, _, _ = made
    scores = score(home, table.slice(0, 20), tmp_path, "scores.csv")
    lines = scores.out.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith('"id","probability","band","reason_1"')
    assert len(lines) == 21


def test_wrong_use_is_refused_and_writes_nothing(
    made: tuple[Home, ModelVersion, np.ndarray], table: pa.Table, tmp_path: Path
) -> None:
    home, _, _ = made
    with pytest.raises(InputError, match=r"--out: must end in \.csv or \.parquet"):
        score(home, table, tmp_path, "scores.txt")
    with pytest.raises(InputError, match="TABLE: must have columns that model churn_table"):
        score(home, table.select(["customer"]), tmp_path)
    with pytest.raises(ModelError, match="no readable champion"):
        score_table(tmp_path / "new.csv", home, "other", tmp_path / "s.csv", clock=clock_at())
    assert [path.name for path in tmp_path.iterdir()] == ["new.csv"]
