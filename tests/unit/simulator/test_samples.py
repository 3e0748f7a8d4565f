from datetime import UTC, datetime
from pathlib import Path

import pytest
from pyarrow import csv

from features.flat.customers import Roles, read_customer_table
from simulator.samples import sample_table
from training.uplift.tables.experiment_table import ExperimentRoles, read_experiment


def test_samples_are_tables_that_the_commands_take(tmp_path: Path) -> None:
    csv.write_csv(sample_table("churn"), tmp_path / "churn.csv")
    customers = read_customer_table(
        tmp_path / "churn.csv",
        Roles(target="left", id="customer"),
        datetime(2026, 1, 1, tzinfo=UTC),
    )
    assert customers.columns == ("months", "contract", "monthly_fee", "service_calls")
    csv.write_csv(sample_table("campaign"), tmp_path / "campaign.csv")
    table = read_experiment(
        tmp_path / "campaign.csv",
        ExperimentRoles(treatment="arm", outcome="stayed", id="customer"),
    )
    assert table.experiment.arms == ("control", "call")


@pytest.mark.parametrize("name", ["churn", "campaign"])
def test_a_sample_is_the_same_each_time(name: str) -> None:
    assert sample_table(name).equals(sample_table(name))  # type: ignore[arg-type]
