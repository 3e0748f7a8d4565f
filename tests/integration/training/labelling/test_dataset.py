"""Labelled rows of lines: against the truth of a simulated operator, and joined with features by
Feast.
"""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from polars.testing import assert_frame_equal

from features.contracts.vocabulary import HORIZON_DAYS, INVOLUNTARY_CHURN, VOLUNTARY_CHURN
from features.fields import LINKS, SERVICES, VIEWS
from features.operator.repository import OperatorRepository
from features.views.declaration import ENTITIES
from holdfast.errors import InputError
from holdfast.home import Home
from simulator.engine.simulator import Simulator, simulate
from tests.builders.clocks import NOW
from tests.builders.line_tables import CUTOFF, LineTables, day
from training.labelling.care.exposure import care_exposure
from training.labelling.care.weights import RowsAtRisk, care_weights
from training.labelling.dataset import (
    churn_dataset,
    columns_of,
    non_payment_dataset,
)
from training.labelling.exits import CONTINUED
from training.labelling.history import RawHistory
from training.labelling.labels import LineOutcomes
from training.labelling.population import CutoffPopulation, lines_at_risk
from training.settings import LabelSettings

SETTINGS = LabelSettings()
CUTOFFS = [datetime(2024, 7, 8, tzinfo=UTC) + timedelta(weeks=4 * number) for number in range(4)]


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Simulator:
    return simulate(
        tmp_path_factory.mktemp("truth") / "operator", customers=700, months=14, seed=10, workers=1
    )


@pytest.fixture(scope="module")
def history(operator: Simulator) -> RawHistory:
    return RawHistory(operator.folder / "raw", NOW)


@pytest.fixture(scope="module")
def rows_by_cutoff(history: RawHistory) -> list[tuple[datetime, CutoffPopulation, pd.DataFrame]]:
    """By cut-off: who was at risk, with labels."""
    outcomes = LineOutcomes.of(history, SETTINGS)
    parts = []
    for at in CUTOFFS:
        population = lines_at_risk(history, outcomes, at, SETTINGS)
        labels = outcomes.label(population.rows, at, SETTINGS.gap_days, VOLUNTARY_CHURN)
        parts.append(
            (
                at,
                population,
                population.rows.join(
                    labels, on="subscription_id", maintain_order="left"
                ).to_pandas(),
            )
        )
    return parts


def test_lines_have_the_labels_that_they_have_among_all(history: RawHistory) -> None:
    """A training reads the lines alone that it has features of, and those that continue them."""
    continued = (
        history.rows("subscriptions", ["replaced_by", "replacement"])
        .filter(pl.col("replacement").is_in(CONTINUED), pl.col("replaced_by").is_not_null())
        .collect()["subscription_id"]
    )
    everybody = history.rows("subscriptions", []).collect()["subscription_id"].unique().sort()
    some = pl.concat([everybody.gather_every(3), continued]).unique()
    assert len(continued) > 5
    all_outcomes = LineOutcomes.of(history, SETTINGS)
    outcomes = LineOutcomes.of(history, SETTINGS, some)
    assert set(outcomes.records.lines["subscription_id"]) < set(everybody)
    for at in CUTOFFS:
        of_all = lines_at_risk(history, all_outcomes, at, SETTINGS)
        of_some = lines_at_risk(history, outcomes, at, SETTINGS, some)
        expected = of_all.rows.filter(pl.col("subscription_id").is_in(some.implode()))
        assert_frame_equal(of_some.rows, expected)
        labels = [
            one.label(expected, at, SETTINGS.gap_days, VOLUNTARY_CHURN)
            for one in (outcomes, all_outcomes)
        ]
        assert_frame_equal(*labels)
        total = of_all.rows.height + sum(of_all.excluded.values())
        assert of_some.rows.height + sum(of_some.excluded.values()) == total
        assert of_some.excluded["no_history"] > 0


def _read(operator: Simulator, table: str) -> pd.DataFrame:
    return pq.read_table(operator.folder / table).to_pandas()


def _successors(operator: Simulator) -> dict[str, str | None]:
    """Who continues a line; None after a transfer."""
    rows = _read(operator, "raw/subscriptions")
    ended = rows[(rows["status"] == "ended") & rows["replacement"].notna()]
    return {
        row.subscription_id: None if row.replacement == "transfer" else row.replaced_by
        for row in ended.itertuples(index=False)
    }


def _told_of_later(operator: Simulator) -> set[str]:
    """Lines that are told to be in service after they were lost: the raw tables say that they are
    back.
    """
    rows = (
        _read(operator, "raw/subscriptions")
        .sort_values("happened_at")
        .groupby("subscription_id")["status"]
        .last()
    )
    return set(rows[rows != "ended"].index)


def _in_the_end(line: str, successors: dict[str, str | None]) -> str | None:
    last: str | None = line
    while last in successors:
        last = successors[last]
    return last


def test_labels_of_postpaid_and_fixed_lines_are_what_truly_happened(
    operator: Simulator, rows_by_cutoff: list[tuple[datetime, CutoffPopulation, pd.DataFrame]]
) -> None:
    notices = _read(operator, "raw/churn_events").groupby("subscription_id")["notice_at"].max()
    losses = _read(operator, "truth/losses").set_index("subscription_id")
    prepaid = set(
        _read(operator, "raw/subscriptions").query("billing_type == 'prepaid'")["subscription_id"]
    )
    successors, back = _successors(operator), _told_of_later(operator)
    checked = {"lost": 0, "involuntary": 0, "in gap": 0, "followed": 0}
    for at, _, rows in rows_by_cutoff:
        for row in rows[rows["billing_type"] != "prepaid"].to_dict("records"):
            last = _in_the_end(row["subscription_id"], successors)
            if last in prepaid:
                continue
            lost_at, how = pd.NaT, None
            if last in losses.index:
                lost_at, how = losses.loc[last, "happened_at"], losses.loc[last, "churn"]
                if how in VOLUNTARY_CHURN and not pd.isna(notices.get(last, pd.NaT)):
                    lost_at = notices[last]
                if last in back:
                    continue
                assert lost_at > at, "it was lost already, and is not at risk"
            gap_end = at + timedelta(days=SETTINGS.gap_days)
            assert row["in_gap"] == bool(lost_at <= gap_end)
            for days in HORIZON_DAYS:
                expected = how in VOLUNTARY_CHURN and bool(
                    lost_at <= gap_end + timedelta(days=days)
                )
                assert row[f"label_{days}"] == float(expected), (row, lost_at, how)
            within = bool(lost_at <= gap_end + timedelta(days=90))
            checked["in gap"] += row["in_gap"]
            checked["lost"] += how in VOLUNTARY_CHURN and within
            checked["involuntary"] += how in INVOLUNTARY_CHURN and within
            checked["followed"] += last != row["subscription_id"]
    assert all(checked.values()), checked


def test_prepaid_lines_are_lost_when_they_truly_became_inactive(
    operator: Simulator, rows_by_cutoff: list[tuple[datetime, CutoffPopulation, pd.DataFrame]]
) -> None:
    losses = (
        _read(operator, "truth/losses")
        .query("churn == 'inactivity'")
        .set_index("subscription_id")["happened_at"]
    )
    weeks = _read(operator, "raw/usage_weeks").groupby("subscription_id")
    recharges = _read(operator, "raw/recharges").groupby("subscription_id")["happened_at"]
    silence = timedelta(days=SETTINGS.inactivity_days)
    lost_for_good = came_back = 0
    for at, _, rows in rows_by_cutoff:
        end = at + timedelta(days=SETTINGS.gap_days + 90)
        for row in rows[rows["billing_type"] == "prepaid"].to_dict("records"):
            line = row["subscription_id"]
            truly = losses.get(line)
            if truly is not None and at < truly and truly - silence <= end:
                # The operator ends a line thirty days after it fell silent.
                assert row["in_gap"] or row["label_90"] == 1, (row, truly)
                lost_for_good += 1
            elif row["label_90"] == 1 and row["how"] == "inactivity":
                last = row["lost_at"]
                uses = [
                    *weeks.get_group(line)["last_used_at"],
                    *(recharges.get_group(line) if line in recharges.groups else []),
                ]
                assert not [use for use in uses if last < use < last + silence - timedelta(days=7)]
                came_back += 1
    assert lost_for_good > 20
    assert came_back > 0


def test_everybody_in_service_is_at_risk_or_counted(
    history: RawHistory, rows_by_cutoff: list[tuple[datetime, CutoffPopulation, pd.DataFrame]]
) -> None:
    for at, population, _ in rows_by_cutoff:
        in_service = (
            history.as_known("subscriptions", ["status"], at)
            .filter(pl.col("status") != "ended")
            .collect()
            .height
        )
        assert population.rows.height + sum(population.excluded.values()) == in_service
    total = {
        reason: sum(population.excluded[reason] for _, population, _ in rows_by_cutoff)
        for reason in rows_by_cutoff[0][1].excluded
    }
    assert all(
        total[reason]
        for reason in ("iot", "employee", "enterprise", "new", "cancelling", "inactive")
    ), total


def test_who_stays_in_stands_for_everybody(
    history: RawHistory, rows_by_cutoff: list[tuple[datetime, CutoffPopulation, pd.DataFrame]]
) -> None:
    service = pl.concat(
        [population.rows.with_columns(cutoff=pl.lit(at)) for at, population, _ in rows_by_cutoff]
    )
    ends = (
        LineOutcomes.of(history, SETTINGS)
        .service_ends.group_by("subscription_id")
        .agg(pl.col("ended_at").min())
    )
    label_end = pl.col("cutoff") + timedelta(days=97)
    label_ends = {days: pl.col("cutoff") + timedelta(days=7 + days) for days in HORIZON_DAYS}
    rows = service.join(ends, on="subscription_id", how="left", maintain_order="left").with_columns(
        label_end=label_end, at_risk_until=pl.min_horizontal("ended_at", label_end)
    )
    exposure = care_exposure(history, rows, label_ends)
    touched = [one.touched for one in exposure.horizons.values()]
    assert touched[0].sum() < touched[1].sum() < touched[2].sum()
    assert 0.15 < touched[2].mean() < 0.5
    kept = np.flatnonzero(~exposure.touched)
    names = rows["billing_type"].to_numpy() + rows["cutoff"].cast(pl.String).to_numpy()
    weights = care_weights(
        exposure,
        RowsAtRisk(
            stratum=np.unique(names, return_inverse=True)[1],
            customers=rows["customer_id"].to_numpy().astype(np.str_),
            features=("nothing",),
            kept=kept,
            matrix=np.zeros((len(kept), 1)),
            read=lambda positions: np.zeros((len(positions), 1)),
        ),
    )
    for days, one in exposure.horizons.items():
        left = ~one.touched[kept]
        assert weights.weight[days][left].sum() == pytest.approx(len(rows), rel=0.05)
        assert weights.facts[str(days)]["touched_otherwise"] > 0
    assert 0.03 < exposure.holdout.mean() < 0.3


MONDAYS = [CUTOFF, CUTOFF + timedelta(weeks=4)]
LINES = [f"s{number:02d}" for number in range(40)]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Forty lines by hand, every fourth of them prepaid, with features that tell whose they are and
    when.
    """
    home = Home(tmp_path_factory.mktemp("lines") / "home")
    tables = LineTables()
    for number, line in enumerate(LINES):
        tables.customer(f"c{line}", household_id="together" if number in (8, 9) else None)
        kind = "prepaid" if number % 4 == 0 else "postpaid"
        tables.line(line, customer_id=f"c{line}", billing_type=kind)
        if kind == "prepaid":
            for use in range(-60, 170, 6):
                tables.used(line, use)
    tables.loss("s01", "cancellation", 50, notice=30, customer_id="cs01")
    tables.loss("s02", "non_payment", 60, customer_id="cs02")
    tables.loss("s03", "cancellation", 3, customer_id="cs03")
    tables.line("s05", 55, status="ended", customer_id="cs05")
    tables.care(1, 5, "treatment", customer_id="cs06", subscription_id="s06")
    tables.care(2, 5, "control", customer_id="cs07", subscription_id="s07")
    tables.care(3, 5, "holdout", 0.1, customer_id="cs08", subscription_id="s08")
    tables.line("s10", -100, is_iot=True, customer_id="cs10")
    tables.reach(170)
    tables.write(home.raw)
    folder = OperatorRepository(home).tables
    for monday_number, monday in enumerate(MONDAYS):
        for name, view in VIEWS.items():
            ids = LINES[:-1] if view.entity == "subscription" else [f"c{line}" for line in LINES]
            values = {column: np.arange(len(ids)) + 0.5 * monday_number for column in view.columns}
            _write(folder, name, monday, {view.join_key: ids}, values)
        for entity, others in LINKS.items():
            ids = LINES if entity == "subscription" else [f"c{line}" for line in LINES]
            own = ids if entity == "customer" else [f"c{line}" for line in LINES]
            _write(
                folder,
                f"{entity}_links",
                monday,
                {ENTITIES[entity]: ids} | {f"linked_{other}": own for other in others},
                {},
            )
    return home


def _write(
    folder: Path,
    view: str,
    monday: datetime,
    texts: dict[str, list[str]],
    values: dict[str, np.ndarray],
) -> None:
    count = len(next(iter(texts.values())))
    times = {
        name: pa.array([monday] * count, pa.timestamp("us", "UTC"))
        for name in ("event_timestamp", "created_timestamp")
    }
    path = folder / view / "history" / f"{monday:%Y-%m-%d}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({**texts, **times, **values}), path)


def test_rows_have_labels_care_marks_and_the_features_of_their_cut_off(home: Home) -> None:
    dataset = churn_dataset(home, SETTINGS, until=NOW, cutoffs=MONDAYS)
    assert dataset.features == columns_of("churn_v1")
    assert dataset.matrix.shape == (len(dataset.ids), len(dataset.features))
    order = [
        (cutoff, line)
        for cutoff, line in zip(dataset.cutoffs.tolist(), dataset.ids.tolist(), strict=True)
    ]
    assert order == sorted(order)
    assert dataset.customers.tolist() == [f"c{line}" for line in dataset.ids]
    later = dataset.cutoffs == np.datetime64("2025-03-31")
    numbers = np.array([int(line[1:]) for line in dataset.ids]) + 0.5 * later
    own = len(VIEWS[SERVICES["churn_v1"][0]].columns)
    np.testing.assert_array_equal(dataset.matrix[:, :own], np.repeat(numbers[:, None], own, axis=1))
    assert not np.isnan(dataset.matrix).any()
    first = dict(zip(dataset.ids[~later].tolist(), np.flatnonzero(~later).tolist(), strict=True))
    assert [dataset.labels[days][first["s01"]] for days in HORIZON_DAYS] == [1, 1, 1]
    assert [dataset.labels[days][first["s02"]] for days in HORIZON_DAYS] == [0, 0, 0]
    np.testing.assert_array_equal(
        [dataset.labels[days][first["s05"]] for days in HORIZON_DAYS], [0, np.nan, np.nan]
    )
    for days in HORIZON_DAYS:
        assert dataset.weight_of(days)[first["s07"]] == pytest.approx(1.8)
    assert dataset.holdout[[first["s08"], first["s09"]]].tolist() == [True, True]
    assert int(dataset.holdout[~later].sum()) == 2
    # The second Monday's labels of prepaid lines are known on day 155; the data reach to day 170,
    # seven of them to settle.
    assert (dataset.slices["billing_type"][later] == "prepaid").sum() == 10
    assert dataset.label_ends[first["s04"]] - dataset.label_ends[first["s07"]] == np.timedelta64(
        30, "D"
    )
    expected = {
        "iot": 2,
        "cancelling": 0,
        "ended": 0,
        "no_history": 2,
        "in_gap": 2,
        "censored": 1,
        "care": 1,
    }
    assert {reason: dataset.excluded[reason] for reason in expected} == expected
    assert len(dataset.ids) + sum(dataset.excluded.values()) == 2 * 40 - 1, (
        "s03 ended before the second Monday"
    )
    assert json.loads(json.dumps(dataset.facts)) == dataset.facts
    assert dataset.facts["first_outcomes"] == {"non_payment": 2, "cancellation": 1, "unknown": 1}


def test_non_payment_has_labels_for_lines_with_bills(home: Home) -> None:
    dataset = non_payment_dataset(home, SETTINGS, until=NOW, cutoffs=MONDAYS[:1])
    assert set(dataset.slices["billing_type"].tolist()) == {"postpaid"}
    assert dataset.excluded["other_billing_type"] == 10
    lost = dataset.labels[90] == 1
    assert dataset.ids[lost].tolist() == ["s02"]
    assert dataset.labels[30].sum() == 0


def test_the_same_data_give_the_same_rows_and_time_can_be_turned_back(home: Home) -> None:
    one, other = (churn_dataset(home, SETTINGS, until=NOW, cutoffs=MONDAYS[:1]) for _ in range(2))
    for name in ("ids", "matrix", "weight", "label_ends", "holdout"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    with pytest.raises(InputError, match="cutoffs: must not lie after"):
        churn_dataset(home, SETTINGS, cutoffs=MONDAYS[:1], until=day(43))
    with pytest.raises(InputError, match="must reach 117 days beyond the first Monday"):
        churn_dataset(home, SETTINGS, until=day(103))


def test_a_test_period_outside_the_cut_offs_is_refused_before_features_are_read(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(OperatorRepository, "historical")
    with pytest.raises(InputError, match="test period: must begin after"):
        churn_dataset(home, SETTINGS, until=NOW, cutoffs=MONDAYS, test_from=MONDAYS[0])
    with pytest.raises(InputError, match="test period: must begin after"):
        non_payment_dataset(
            home, SETTINGS, until=NOW, cutoffs=MONDAYS, test_from=MONDAYS[-1] + timedelta(days=1)
        )


def test_bad_requests_are_refused_by_name(home: Home) -> None:
    with pytest.raises(InputError, match="service: must be one of"):
        churn_dataset(home, SETTINGS, until=NOW, service="churn_v0")
    with pytest.raises(InputError, match="monday: must be one that history of contract is kept of"):
        OperatorRepository(home).ids_at("contract", day(1))
