"""A team's own experiment: which arm is control, what is good, what is refused; positive is good
whatever the table calls it.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.tables.options import TableOptions
from features.tables.plan import OpenQuestions
from holdfast.errors import InputError
from training.uplift.tables.experiment_table import (
    ExperimentRoles,
    ExperimentTable,
    read_experiment,
)

ROWS = 400


def columns(seed: int = 1) -> dict[str, list[object]]:
    random = np.random.default_rng(seed)
    arm = random.integers(0, 2, ROWS)
    stays = random.random(ROWS) < 0.6 + 0.3 * arm
    return {
        "customer": [f"{number:04d}" for number in range(ROWS)],
        "arm": ["call" if one else "control" for one in arm],
        "stayed": ["yes" if one else "no" for one in stays],
        "tenure": random.integers(1, 60, ROWS).tolist(),
        "plan": random.choice(["basic", "plus"], ROWS).tolist(),
    }


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., ExperimentTable]:
    def read(
        changes: dict[str, list[object]] | None = None,
        without: tuple[str, ...] = (),
        **roles: object,
    ) -> ExperimentTable:
        table = {name: values for name, values in columns().items() if name not in without} | (
            changes or {}
        )
        pq.write_table(pa.table(table), tmp_path / "trial.parquet")
        named = {"treatment": "arm", "outcome": "stayed", "id": "customer"} | roles
        return read_experiment(tmp_path / "trial.parquet", ExperimentRoles(**named))

    return read


def effect(table: ExperimentTable) -> float:
    read_rows = table.experiment
    return float(
        read_rows.outcome[read_rows.arm == 1].mean() - read_rows.outcome[read_rows.arm == 0].mean()
    )


def test_a_plain_table_needs_no_further_options(
    read: Callable[..., ExperimentTable],
) -> None:
    table = read()
    read_rows = table.experiment
    assert read_rows.arms == ("control", "call")
    assert read_rows.features == read_rows.labels == ("tenure", "plan")
    assert read_rows.categories == {1: ("basic", "plus")}
    assert read_rows.source == "shares"
    assert table.control_why == "by its name"
    assert (
        table.good_why == "good means stayed = yes, as 'stayed' names no loss; --good changes that"
    )
    share = float((read_rows.arm == 1).mean())
    np.testing.assert_allclose(read_rows.propensity, np.where(read_rows.arm == 1, share, 1 - share))
    assert len(np.unique(read_rows.cluster)) == ROWS
    assert effect(table) > 0.15


@pytest.mark.parametrize(
    ("name", "words", "good"),
    [
        ("stayed", ("no", "yes"), ()),
        ("retained", ("0", "1"), ()),
        ("outcome", ("churned", "active"), ()),
        ("status", ("left", "stayed"), ()),
        ("churned", ("left", "stayed"), ()),
        ("visit", ("false", "true"), ()),
        ("churn", ("1", "0"), ("0",)),
        ("Churn Label", ("yes", "no"), ("no",)),
        ("流失", ("是", "否"), ("否",)),
        ("result", ("a", "b"), ("b",)),
    ],
)
def test_keeping_customers_is_positive_whatever_the_table_calls_it(
    read: Callable[..., ExperimentTable], name: str, words: tuple[str, str], good: tuple[str, ...]
) -> None:
    values = [words[1] if word == "yes" else words[0] for word in columns()["stayed"]]
    assert effect(
        read({name: values}, without=("stayed",), outcome=name, good=good)
    ) == pytest.approx(effect(read()))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("churn", ("1", "0")),
        ("Left", ("yes", "no")),
        ("is_cancelled", ("true", "false")),
        ("离网", ("是", "否")),
        ("Exit", ("1", "0")),
    ],
)
def test_an_outcome_that_names_a_loss_needs_a_good_value(
    read: Callable[..., ExperimentTable], name: str, words: tuple[str, str]
) -> None:
    values = [words[1] if word == "yes" else words[0] for word in columns()["stayed"]]
    with pytest.raises(
        InputError, match=rf"names a loss.*--good {words[0]}|names a loss.*--good {words[1]}"
    ):
        read({name: values}, without=("stayed",), outcome=name)


def test_two_unclear_values_need_a_good_value(read: Callable[..., ExperimentTable]) -> None:
    with pytest.raises(InputError, match=r"name the good one: --good a or --good b"):
        read({"stayed": ["a" if word == "yes" else "b" for word in columns()["stayed"]]})


def test_numbers_are_better_when_higher_or_lower_as_given(
    read: Callable[..., ExperimentTable],
) -> None:
    spend = [
        2.5 * number if word == "yes" else 0.1 * number
        for number, word in enumerate(columns()["stayed"])
    ]
    plain = read({"spend": spend}, without=("stayed",), outcome="spend")
    assert effect(plain) > 0
    assert not plain.experiment.binary
    assert effect(
        read({"spend": spend}, without=("stayed",), outcome="spend", good=("higher",))
    ) == effect(plain)
    lower = read({"calls lost": spend}, without=("stayed",), outcome="calls lost", good=("lower",))
    assert effect(lower) == pytest.approx(-effect(plain))
    assert "lower" in lower.good_why
    with pytest.raises(InputError, match=r"names a loss.*--good lower or --good higher"):
        read({"complaints": spend}, without=("stayed",), outcome="complaints")


def test_several_values_may_be_good(read: Callable[..., ExperimentTable]) -> None:
    values = [
        ("stayed", "upgraded")[number % 2] if word == "yes" else "gone"
        for number, word in enumerate(columns()["stayed"])
    ]
    assert effect(
        read({"end": values}, without=("stayed",), outcome="end", good=("stayed", "upgraded"))
    ) == effect(read())
    with pytest.raises(InputError, match="it has 'gone', 'stayed', 'upgraded': name with --good"):
        read({"end": values}, without=("stayed",), outcome="end")


@pytest.mark.parametrize(
    ("words", "control"),
    [
        (("0", "1"), "0"),
        (("No E-Mail", "E-Mail"), "No E-Mail"),
        (("holdout", "none"), None),
        (("a", "b"), None),
        (("对照", "优惠"), "对照"),
    ],
)
def test_control_is_recognised_by_its_name_or_must_be_given(
    read: Callable[..., ExperimentTable], words: tuple[str, str], control: str | None
) -> None:
    arms = [words[word == "call"] for word in columns()["arm"]]
    if control is not None:
        assert read({"arm": arms}).experiment.arms[0] == control
        return
    if (
        "none" in words
    ):  # holdout is no word for control: it is a share that all care is measured by
        assert read({"arm": arms}).experiment.arms[0] == "none"
        return
    with pytest.raises(InputError, match="such as --control a"):
        read({"arm": arms})
    assert read({"arm": arms}, control="b").experiment.arms == ("b", "a")


@pytest.mark.parametrize(
    "control",
    [
        *("Control Group", "control_2024", "Kontrollgruppe", "контроль", "對照組", "無", "대조군"),
        *("Grupo de control", "groupe témoin", "0.0", "not contacted", "None", "n"),
    ],
)
def test_control_is_recognised_in_many_languages(
    read: Callable[..., ExperimentTable], control: str
) -> None:
    arms = [
        control if arm == "control" else ("sms", "mail")[number % 2]
        for number, arm in enumerate(columns()["arm"])
    ]
    table = read({"arm": arms})
    assert table.experiment.arms == (control if control != "0.0" else "0", "mail", "sms")
    assert table.experiment.left_out == {}


def test_blanks_around_arms_do_not_count_and_are_said(read: Callable[..., ExperimentTable]) -> None:
    arms = [f" {arm} " if number % 4 == 0 else arm for number, arm in enumerate(columns()["arm"])]
    table = read({"arm": arms})
    assert table.experiment.arms == ("control", "call")
    assert "arm: blanks around 100 values do not count" in table.notes


def test_customers_of_several_rows_and_arms_are_counted(
    read: Callable[..., ExperimentTable],
) -> None:
    customer = [str(number // 2 if number < 40 else number) for number in range(ROWS)]
    (note,) = (one for one in read({"customer": customer}).notes if "several rows" in one)
    mixed = sum(
        first != second
        for first, second in zip(columns()["arm"][:40:2], columns()["arm"][1:40:2], strict=True)
    )
    assert note.startswith("20 customers have several rows")
    assert note.endswith(f"{mixed} of them are in more than one arm")


def test_outcomes_that_are_missing_in_one_arm_more_often_are_suspicious(
    read: Callable[..., ExperimentTable],
) -> None:
    both = zip(columns()["arm"], columns()["stayed"], strict=True)
    stayed = [
        "NA" if arm == "call" and number % 5 == 0 else word
        for number, (arm, word) in enumerate(both)
    ]
    table = read({"stayed": stayed})
    (found,) = table.missing_outcomes
    assert (found.arm, found.feature, found.z > 5) == ("call", None, True)
    often = ["NA" if number % 5 == 0 else word for number, word in enumerate(columns()["stayed"])]
    assert read({"stayed": often}).missing_outcomes == ()


def test_outcomes_missing_in_a_few_shops_are_not_suspicious(
    read: Callable[..., ExperimentTable],
) -> None:
    shop = [number // 5 for number in range(ROWS)]
    arm = ["call" if one % 2 else "control" for one in shop]
    # Six shops of one arm sent nothing: thirty customers, and no more than six observations.
    stayed = [
        "NA" if one in (1, 11, 21, 31, 41, 51) else word
        for one, word in zip(shop, columns()["stayed"], strict=True)
    ]
    changes = {"shop": [f"s{one}" for one in shop], "arm": arm, "stayed": stayed}
    assert read(changes, group="shop").missing_outcomes == ()
    assert read(changes, drop=("shop",)).missing_outcomes != ()


def test_an_outcome_of_numbers_leaves_out_what_is_none(
    read: Callable[..., ExperimentTable],
) -> None:
    spend: list[object] = [f"{number % 97},{number % 10}5" for number in range(ROWS)]
    spend[:3], spend[3] = ["NA"] * 3, ""
    table = read({"spend": spend}, outcome="spend", without=("stayed",))
    assert table.experiment.left_out == {"spend is 'NA'": 3, "spend is blank": 1}
    assert table.experiment.outcome[0] == 4.45
    assert "number" in table.plan.column("spend").kind


def test_zeros_and_ones_with_a_few_other_numbers_are_asked_about(
    read: Callable[..., ExperimentTable],
) -> None:
    stayed = ["1" if word == "yes" else "0" for word in columns()["stayed"]]
    stayed[:4] = ["9"] * 4
    with pytest.raises(InputError, match="in 4 rows; take 0 and 1 alone with --good 1"):
        read({"stayed": stayed})
    table = read({"stayed": stayed}, good=("1",))
    assert table.experiment.binary
    assert table.experiment.left_out == {"stayed is none of the two outcomes": 4}
    assert not read({"stayed": stayed}, good=("higher",)).experiment.binary


def test_a_good_outcome_beside_yes_and_no_is_kept(read: Callable[..., ExperimentTable]) -> None:
    stayed = [
        "upgraded" if number < 60 else word for number, word in enumerate(columns()["stayed"])
    ]
    found = read({"stayed": stayed}, good=("yes", "upgraded")).experiment
    assert (found.left_out, len(found.outcome)) == ({}, ROWS)
    with pytest.raises(InputError, match="name with --good the good ones"):
        read({"stayed": stayed})


def test_more_arms_are_each_compared_with_control(read: Callable[..., ExperimentTable]) -> None:
    arms = ["gift" if number % 3 == 0 else arm for number, arm in enumerate(columns()["arm"])]
    read_rows = read({"arm": arms}).experiment
    assert read_rows.arms == ("control", "call", "gift")
    np.testing.assert_allclose(
        [read_rows.propensity[read_rows.arm == arm][0] for arm in range(3)],
        np.bincount(read_rows.arm) / ROWS,
    )


def test_stored_propensities_are_taken_and_what_was_not_drawn_is_left_out(
    read: Callable[..., ExperimentTable],
) -> None:
    chance = [
        [0.5, 0.4, 1.0, 0.0, None, 0.6][number % 20] if number % 20 < 6 else 0.5
        for number in range(ROWS)
    ]
    read_rows = read({"p": chance}, propensity="p").experiment
    assert read_rows.source == "stored"
    assert len(read_rows.outcome) == ROWS - 60
    assert read_rows.left_out == {"p is blank": 20, "p is 0 or 1: not randomised": 40}
    assert set(np.unique(read_rows.propensity)) == {0.4, 0.5, 0.6}
    assert "p" not in read_rows.features


def test_blank_arms_and_outcomes_are_left_out_and_counted(
    read: Callable[..., ExperimentTable],
) -> None:
    arms = ["" if number < 7 else arm for number, arm in enumerate(columns()["arm"])]
    stayed = [None if 4 <= number < 10 else word for number, word in enumerate(columns()["stayed"])]
    assert read({"arm": arms, "stayed": stayed}).experiment.left_out == {
        "arm is blank": 7,
        "stayed is blank": 3,
    }


def test_rows_of_a_customer_or_household_hang_together(
    read: Callable[..., ExperimentTable],
) -> None:
    homes = [f"h{number // 4}" if number >= 8 else None for number in range(ROWS)]
    assert (
        len(np.unique(read({"home": homes}, group="home").experiment.cluster))
        == 8 + (ROWS - 8) // 4
    )
    repeated = [f"c{number // 2}" for number in range(ROWS)]
    assert len(np.unique(read({"customer": repeated}).experiment.cluster)) == ROWS // 2


def test_dropped_and_empty_columns_are_no_features(read: Callable[..., ExperimentTable]) -> None:
    table = read({"nothing": [None] * ROWS}, drop=("plan",))
    assert table.experiment.features == ("tenure",)
    assert table.columns_left_out == ("nothing",)


@pytest.mark.parametrize(
    ("changes", "roles", "field", "rule"),
    [
        ({}, {"treatment": "arms"}, "--treatment", "did you mean 'arm'"),
        ({}, {"outcome": "spend"}, "--outcome", "must be a column"),
        ({}, {"propensity": "prob"}, "--propensity", "must be a column"),
        ({}, {"group": "home"}, "--group", "must be a column"),
        ({}, {"drop": ("zip",)}, "--drop", "must be a column"),
        ({}, {"drop": ("stayed",)}, "--drop", "must not be the column of --outcome"),
        ({}, {"outcome": "arm"}, "--outcome", "another column than that of --treatment"),
        ({}, {"control": "nobody"}, "--control", "must occur in the treatment"),
        ({}, {"good": ("maybe",)}, "--good", "must occur in the outcome"),
        ({}, {"good": ("yes", "no")}, "--good", "leave a value that is not good"),
        ({"arm": ["call"] * ROWS}, {}, "--treatment", "needs at least two arms"),
        ({"arm": [str(number) for number in range(ROWS)]}, {}, "--treatment", "at most 20"),
        ({"stayed": ["yes"] * ROWS}, {}, "--outcome", "not be the same in all rows"),
        (
            {"stayed": ["yes"] * (ROWS - 9) + ["no"] * 9},
            {},
            "--outcome",
            "at least 20 customers or groups with each outcome",
        ),
        (
            {"arm": ["call"] * 60 + ["control"] * (ROWS - 60)},
            {},
            "--treatment",
            "at least 100 rows in arm 'call'",
        ),
        ({"p": [1.5] * ROWS}, {"propensity": "p"}, "--propensity", "probabilities, 0 to 1"),
        ({"p": [-0.1] * ROWS}, {"propensity": "p"}, "--propensity", "probabilities, 0 to 1"),
        ({"p": ["half"] * ROWS}, {"propensity": "p"}, "--propensity", "must hold numbers"),
        (
            {"p": [1.0] * ROWS},
            {"propensity": "p"},
            "TABLE",
            "no row with a treatment and an outcome drawn at random",
        ),
    ],
)
def test_bad_input_is_refused_by_name(
    read: Callable[..., ExperimentTable],
    changes: dict[str, list[object]],
    roles: dict[str, object],
    field: str,
    rule: str,
) -> None:
    with pytest.raises(InputError, match=rule) as caught:
        read(changes, **roles)
    assert caught.value.field == field


CASES = Path(__file__).parents[4] / "fixtures" / "tables"
GATES = {"treatment": "version", "outcome": "retention_7", "control": "gate_30", "good": ("true",)}


def _case(name: str, **roles: object) -> ExperimentTable:
    return read_experiment(CASES / name, ExperimentRoles(**roles))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "name, left_out, rows",
    [
        ("uplift_na_arm.csv", {"version is 'NA'": 160}, 2839),
        ("uplift_na_outcome.csv", {"retention_7 is 'NA'": 149}, 2850),
        ("uplift_arm_space.csv", {}, 2999),
    ],
)
def test_rows_without_an_arm_or_an_outcome_are_left_out_and_counted(
    name: str, left_out: dict[str, int], rows: int
) -> None:
    experiment = _case(name, id="userid", **GATES).experiment
    assert experiment.arms == ("gate_30", "gate_40")
    assert (experiment.left_out, len(experiment.outcome)) == (left_out, rows)


def test_arms_that_differ_in_case_only_are_a_question_that_the_plan_answers() -> None:
    with pytest.raises(OpenQuestions, match="differ in case only; are they one arm"):
        _case("uplift_arm_case.csv", id="userid", **GATES)
    options = TableOptions(answers={"version": {"kind": "category", "letter_case": "ignore"}})
    roles = ExperimentRoles(id="userid", **GATES)  # type: ignore[arg-type]
    table = read_experiment(CASES / "uplift_arm_case.csv", roles, options)
    assert table.experiment.arms == ("gate_30", "gate_40")


def test_a_table_of_arms_and_outcomes_alone_is_an_experiment() -> None:
    table = _case("uplift_plain_ab.csv", treatment="arm", outcome="stayed", good=("yes",), id="id")
    assert table.experiment.features == ()
    assert table.experiment.with_a_feature().matrix.shape == (len(table.experiment.arm), 1)
