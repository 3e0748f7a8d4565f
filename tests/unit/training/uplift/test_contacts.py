"""An operator's randomised contacts as an experiment: who counts, with what propensity, what was
known, who stayed.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from features.fields import BUILT_IN, SERVICES, VIEWS
from holdfast.arrays import Times
from holdfast.errors import InputError
from tests.builders.line_tables import LineTables, day
from training.uplift.contacts import SERVICE, experiments, randomised_actions, select_contacts
from training.uplift.experiment import Experiment

WIDTH = sum(len(VIEWS[view].columns) for view in SERVICES[SERVICE])


class Features:
    """Stands in for the operator's repository: the first feature tells the line, the second the
    Monday it was asked about.
    """

    def __init__(self, unknown: tuple[str, ...] = ()) -> None:
        self.unknown = unknown
        self.asked = 0

    def history_mondays(self, view: str) -> Times:
        return np.array(
            [day(number).replace(tzinfo=None) for number in (-7, 0, 7)], dtype="datetime64[us]"
        )

    catalogue = BUILT_IN

    def historical(self, service: str, ids: Sequence[str], times: Times) -> np.ndarray:
        assert service == SERVICE
        self.asked += 1
        experiment = np.zeros((len(ids), WIDTH))
        experiment[:, 0] = [float(id_[1:]) for id_ in ids]
        experiment[:, 1] = (
            times - np.datetime64(day(0).replace(tzinfo=None), "us")
        ) / np.timedelta64(1, "D")
        experiment[np.isin(ids, self.unknown)] = np.nan
        return experiment


@pytest.fixture
def tables() -> LineTables:
    tables = LineTables()
    for number in range(1, 9):
        tables.customer(f"c{number}", household_id="h" if number <= 2 else None)
    tables.reach(200)
    return tables


def contact(
    tables: LineTables,
    number: int,
    at: float,
    arm: str,
    propensity: float | None = 0.45,
    lost: float | None = 0.0,
    **values: Any,
) -> None:
    """A decision about line and customer of a number, and what became of it 90 days later."""
    given = {"customer_id": f"c{number % 10}", "subscription_id": f"s{number % 10}", **values}
    tables.care(number, at, arm, propensity, **given)
    if lost is not None:
        tables.add(
            "care_outcomes",
            at + 90,
            contact_id=f"k{number}",
            outcome="churned",
            value=lost,
            matured_at=day(at + 90),
        )


def read(tables: LineTables, folder: Path, action: str = "call", **features: Any) -> Experiment:
    history = tables.history(folder)
    (experiment,) = experiments(history, Features(**features), [select_contacts(history, action)])  # type: ignore[arg-type]
    return experiment


def test_treatment_is_compared_with_control_on_earlier_features(
    tables: LineTables, tmp_path: Path
) -> None:
    contact(tables, 1, 1.5, "treatment", lost=1.0)
    contact(tables, 2, 0.0, "control")
    contact(tables, 3, 9.0, "control", lost=1.0)
    contact(tables, 4, -0.1, "treatment")
    contact(tables, 5, 1.5, "holdout", 0.1)
    experiment = read(tables, tmp_path)
    rows = {int(line): row for row, line in enumerate(experiment.matrix[:, 0])}
    assert experiment.arms == ("control", "call")
    assert {line: int(experiment.arm[row]) for line, row in rows.items()} == {
        1: 1,
        2: 0,
        3: 0,
        4: 1,
    }
    assert {line: float(experiment.outcome[row]) for line, row in rows.items()} == {
        1: 0.0,
        2: 1.0,
        3: 0.0,
        4: 1.0,
    }
    # The last Monday before; features of the moment of the decision could know of it.
    assert {line: float(experiment.matrix[row, 1]) for line, row in rows.items()} == {
        1: 0.0,
        2: -7.0,
        3: 7.0,
        4: -7.0,
    }
    np.testing.assert_allclose(experiment.propensity, 0.5)
    assert experiment.source == "stored"
    assert experiment.left_out == {"in the holdout, which goes without all offers": 1}
    # Customers 1 and 2 share a household.
    assert experiment.cluster[rows[1]] == experiment.cluster[rows[2]]
    assert len(np.unique(experiment.cluster)) == 3


def test_contacts_without_a_draw_or_an_outcome_are_left_out_and_counted(
    tables: LineTables, tmp_path: Path
) -> None:
    contact(tables, 1, 1.0, "treatment", 0.5)
    contact(tables, 2, 1.0, "control", 0.5)
    contact(tables, 3, 1.0, "treatment", None)
    contact(tables, 4, 1.0, "treatment", 1.0, campaign_id="rule")
    contact(tables, 5, 1.0, "control", 0.0, campaign_id="rule")
    contact(tables, 6, 1.0, "treatment", 0.5, lost=None)
    contact(tables, 7, 120.0, "treatment", 0.5, lost=None)
    # Told already, but not final yet.
    tables.add(
        "care_outcomes", 150.0, contact_id="k7", outcome="churned", value=0.0, matured_at=day(210)
    )
    contact(tables, 8, -20.0, "control", 0.5)  # before any history
    contact(tables, 18, 40.0, "control", 0.5)  # the newest history is a month old by then
    contact(tables, 11, 2.0, "control", 0.5, subscription_id=None)
    contact(tables, 12, 2.0, "control", 0.5)
    experiment = read(tables, tmp_path, unknown=("s2",))
    assert experiment.matrix[:, 0].tolist() == [1.0]
    assert experiment.left_out == {
        "not drawn at random: no propensity": 1,
        "not drawn at random: propensity 0 or 1": 2,
        "about a customer as a whole": 1,
        "outcome not known yet": 2,
        "no features of the line in the week before": 4,
    }


def test_only_the_first_decision_counts_where_a_campaign_draws_each_household_once(
    tables: LineTables, tmp_path: Path
) -> None:
    contact(tables, 3, 1.0, "treatment")
    contact(tables, 13, 71.0, "treatment")
    contact(tables, 4, 1.0, "control")
    contact(tables, 14, 71.0, "control", lost=1.0)
    # Customers 1 and 2 are of one household; lines decided about together are drawn together.
    contact(tables, 1, 8.0, "control")
    contact(tables, 2, 8.0, "control")
    history = tables.history(tmp_path)
    selected = select_contacts(history, "call")
    assert sorted(selected.rows["contact_id"]) == ["k1", "k2", "k3", "k4"]
    assert selected.left_out == {"of a household that the campaign had drawn before": 2}
    # Where somebody comes into the other arm, each decision is a draw.
    contact(tables, 5, 1.0, "control")
    contact(tables, 15, 71.0, "treatment")
    selected = select_contacts(tables.history(tmp_path / "anew"), "call")
    assert (len(selected.rows), selected.left_out) == (8, {})


@pytest.mark.parametrize(
    ("decisions", "expected"),
    [
        # Drawn by stratum beside a holdout: each propensity is divided by the chance not to be held
        # out.
        (
            [
                ("treatment", 0.72),
                ("treatment", 0.18),
                ("control", 0.18),
                ("control", 0.72),
                ("holdout", 0.1),
            ],
            [0.8, 0.2, 0.2, 0.8],
        ),
        # Nobody on record is held out: what the arms' only propensities leave of 1 is the holdout.
        ([("treatment", 0.6), ("control", 0.3)], [2 / 3, 1 / 3]),
        ([("treatment", 0.5), ("control", 0.5)], [0.5, 0.5]),
        # By stratum and without a holdout.
        (
            [("treatment", 0.8), ("treatment", 0.2), ("control", 0.2), ("control", 0.8)],
            [0.8, 0.2, 0.2, 0.8],
        ),
    ],
)
def test_propensities_are_those_of_the_draw_among_who_was_not_held_out(
    tables: LineTables, tmp_path: Path, decisions: list[tuple[str, float]], expected: list[float]
) -> None:
    for number, (arm, propensity) in enumerate(decisions, start=1):
        contact(tables, number, 1.0, arm, propensity)
    contact(tables, 8, 1.0, "treatment", 0.25, campaign_id="another")
    contact(tables, 7, 1.0, "control", 0.75, campaign_id="another")
    experiment = read(tables, tmp_path)
    by_line = dict(
        zip(
            experiment.matrix[:, 0].astype(int).tolist(),
            experiment.propensity.tolist(),
            strict=True,
        )
    )
    assert [by_line[number] for number in range(1, len(expected) + 1)] == pytest.approx(expected)
    assert (by_line[8], by_line[7]) == (0.25, 0.75)


def test_a_campaign_that_only_holds_out_compares_nothing(
    tables: LineTables, tmp_path: Path
) -> None:
    contact(tables, 1, 1.0, "treatment", 0.9, campaign_id="all")
    contact(tables, 2, 1.0, "holdout", 0.1, campaign_id="all")
    contact(tables, 3, 1.0, "treatment", 0.5)
    contact(tables, 4, 1.0, "control", 0.5)
    experiment = read(tables, tmp_path)
    assert sorted(experiment.matrix[:, 0]) == [3.0, 4.0]
    assert experiment.left_out["drawn among no other arm than the holdout"] == 1


def test_who_was_treated_for_another_reason_before_the_outcome_is_marked(
    tables: LineTables, tmp_path: Path
) -> None:
    for number in range(1, 7):
        contact(tables, number, 1.0, "treatment" if number % 2 else "control")
    tables.care(31, 30.0, "treatment", action="gift", customer_id="c1", subscription_id="s1")
    tables.care(32, 30.0, "control", action="gift", customer_id="c2", subscription_id="s2")
    tables.care(33, 30.0, "treatment", action="gift", customer_id="c3", subscription_id="s99")
    tables.care(34, 30.0, "treatment", action="gift", customer_id="c4", subscription_id=None)
    tables.care(35, 95.0, "treatment", action="gift", customer_id="c5", subscription_id="s5")
    tables.care(
        36,
        30.0,
        "treatment",
        action="call",
        customer_id="c6",
        subscription_id="s6",
        campaign_id="later",
    )
    experiment = read(tables, tmp_path)
    (mark,) = experiment.marks.values()
    assert sorted(experiment.matrix[mark, 0]) == [1.0, 4.0]


def test_features_are_read_once_for_all_actions(tables: LineTables, tmp_path: Path) -> None:
    contact(tables, 1, 1.0, "treatment")
    contact(tables, 2, 1.0, "control")
    contact(tables, 3, 9.0, "treatment", action="gift")
    contact(tables, 4, 9.0, "control", action="gift")
    history, features = tables.history(tmp_path), Features()
    call, gift = experiments(
        history, features, [select_contacts(history, name) for name in ("call", "gift")]
    )  # type: ignore[arg-type]
    assert features.asked == 1
    assert (sorted(call.matrix[:, 0]), sorted(gift.matrix[:, 0])) == ([1.0, 2.0], [3.0, 4.0])
    assert set(gift.matrix[:, 1]) == {7.0}
    assert (call.arms[1], gift.arms[1]) == ("call", "gift")


def test_actions_that_were_drawn_at_random(tables: LineTables, tmp_path: Path) -> None:
    contact(tables, 1, 1.0, "treatment")
    contact(tables, 2, 1.0, "control")
    contact(tables, 3, 1.0, "treatment", None, action="rule")
    contact(tables, 4, 1.0, "treatment", 0.9, action="gift")
    contact(tables, 5, 1.0, "holdout", 0.1, action="gift")
    assert randomised_actions(tables.history(tmp_path)) == ("call",)


def test_an_action_without_experiment_is_refused(tables: LineTables, tmp_path: Path) -> None:
    contact(tables, 1, 1.0, "treatment", None)
    history = tables.history(tmp_path)
    with pytest.raises(InputError, match="must be an action in care_contacts: call"):
        select_contacts(history, "gift")
    with pytest.raises(InputError, match=r"must hold randomised contacts of call.*no propensity 1"):
        select_contacts(history, "call")
    with pytest.raises(InputError, match="there is none"):
        select_contacts(LineTables().history(tmp_path / "empty"), "call")
