"""Everybody's scores: the same as the service's, of those a model may speak of, with reasons."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from features.online.service import online_directory, open_service, read
from features.operator.newest import NewestReader
from features.operator.repository import OperatorRepository
from features.packed.store import PackedStore
from holdfast.errors import InputError
from holdfast.home import Home
from models.reasons.meaning import FeatureMeaning
from models.registry import load_champion
from models.score_set import SCHEMA, read_facts, read_scores, reasons_in_words
from models.scorer import Scorer
from models.settings import ScoreSettings
from models.target import Target
from models.targets import TARGETS
from pipeline.night.score import ScoreRun, score_everybody
from serving.answers.freshness import Freshness
from serving.answers.kept import Kept
from serving.answers.predict import predict
from serving.contract.predictions import check_request
from serving.served.follower import ModelFollower
from tests.builders.clocks import clock_at
from tests.builders.night import (
    CONFIG,
    NIGHT,
    ONLINE,
    make_operator_version,
    register_champion,
)
from training.operator.columns import meanings_of
from training.operator.population import LABELS
from training.settings import LabelSettings


def score(home: Home, model: str | None = None, **settings: object) -> ScoreRun:
    config = CONFIG.model_copy(update={"scores": ScoreSettings(**settings)})  # type: ignore[arg-type]
    return score_everybody(home, config, clock=clock_at(NIGHT), online=ONLINE, model=model)


def meanings(target: Target) -> dict[str, FeatureMeaning]:
    return {one.name: one for one in meanings_of(target.service, target.direction)}


@pytest.mark.parametrize("service", ["churn_v1", "dissatisfaction_v1", "contact_v1", "consent_v1"])
def test_rows_from_the_snapshot_are_those_of_the_online_store(home: Home, service: str) -> None:
    with NewestReader(OperatorRepository(home), service, memory_gb=1, threads=1) as reader:
        ids = [*reader.main.ids(), "zzz unknown"]
        matrix, times = reader.read(ids)
        online = open_service(home, service, ONLINE)
        assert reader.features == online.features
    online_matrix, online_times = read(online, ids)
    assert len(ids) > 10
    np.testing.assert_array_equal(matrix, online_matrix)
    np.testing.assert_array_equal(times, online_times)


def test_progress_ends_where_it_said(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[list[int]] = []

    @contextmanager
    def counted(description: str, total: int = 0) -> Iterator[Callable[[int], None]]:
        if not description.startswith("Scoring with"):
            yield lambda steps: None
            return
        told.append([total, 0])

        def advance(steps: int) -> None:
            told[-1][1] += steps

        yield advance

    monkeypatch.setattr("pipeline.night.score.progress", counted)
    # Of each horizon at least so many are explained, which is no whole number.
    score(home, explained_share=0.111)
    assert told
    for total, done in told:
        assert total == done


def test_scores_are_the_answers_of_the_service(home: Home) -> None:
    run = score(home, explained_share=1.0, reasons=3)
    follower = ModelFollower(home, ONLINE, clock_at(NIGHT))
    follower.refresh()
    assert run.folder is not None
    rows = pq.read_table(run.folder / "churn.parquet").to_pylist()
    assert len(rows) > 60
    ids = sorted({row["subscription_id"] for row in rows})
    request = check_request({"subscription_ids": ids, "models": ["churn"]}, len(ids))
    freshness = Freshness(NIGHT, 3, 35)
    answers = predict(follower.current(), request, "en", freshness, "service", Kept(0))
    told = {
        (one["subscription_id"], one["horizon_days"]): one
        for of_line in answers
        for one in of_line.predictions
    }
    assert len(told) == len(rows)
    for row in rows:
        one = told[row["subscription_id"], row["horizon_days"]]
        assert one["probability"] == row["probability"]
        assert one["band"] == row["band"]
        assert one["feature_time"] == row["feature_time"].isoformat()
        assert one["customer_id"] == row["customer_id"]
        assert one["marks"] == row["marks"]
        assert (one["warnings"], one["error"]) == ([], None)


def test_scores_of_every_horizon_are_the_scorers_and_never_decrease(home: Home) -> None:
    run = score(home)
    assert run.folder is not None
    champion = load_champion(home, "churn")
    rows = pq.read_table(run.folder / "churn.parquet")
    assert rows.schema.remove_metadata() == SCHEMA
    ids = rows["subscription_id"].to_pylist()[::3]
    assert ids == sorted(ids)
    probability = rows["probability"].to_numpy().reshape(-1, 3)
    assert (np.diff(probability, axis=1) >= 0).all()
    matrix, _ = read(open_service(home, "churn_v1", ONLINE), ids)
    expected = [one.probability for one in Scorer(champion.model, threads=1).score_all(matrix)]
    np.testing.assert_array_equal(probability, np.column_stack(expected))


def test_the_riskiest_have_reasons_in_words_on_reading(home: Home) -> None:
    run = score(home, explained_share=0.2)
    assert run.folder is not None
    facts = {one.model: one for one in run.sets}["churn"]
    rows = [
        row
        for row in pq.read_table(run.folder / "churn.parquet").to_pylist()
        if row["horizon_days"] == 90
    ]
    explained = [row for row in rows if row["reasons"] is not None]
    assert len(explained) == facts.explained["90"] == -(-len(rows) // 5)
    lowest = min(row["probability"] for row in explained)
    assert all(row["probability"] <= lowest for row in rows if row["reasons"] is None)
    for row in explained:
        assert 0 <= row["actionable_share"] <= 1
        worded = reasons_in_words(row["reasons"], meanings(TARGETS["churn"]), "en", 3)
        assert 0 < len(worded) <= 3
        assert all(reason.text for reason in worded)


def test_words_of_stored_reasons_are_those_of_a_whole_row(home: Home) -> None:
    from models.reasons.worded import reasons

    run = score(home, explained_share=1.0, reasons=20)
    assert run.folder is not None
    champion = load_champion(home, "churn").model
    rows = [
        row
        for row in pq.read_table(run.folder / "churn.parquet").to_pylist()
        if row["horizon_days"] == 90
    ]
    ids = [row["subscription_id"] for row in rows]
    matrix, _ = read(open_service(home, "churn_v1", ONLINE), ids)
    explanation = Scorer(champion, threads=1).explain_told(matrix)
    for language in ("en", "zh-Hans"):
        whole = reasons(explanation, matrix, [*meanings(TARGETS["churn"]).values()], language, 4)
        for row, expected in zip(rows, whole, strict=True):
            stored = reasons_in_words(row["reasons"], meanings(TARGETS["churn"]), language, 4)
            assert stored == expected


def test_only_whom_the_model_may_speak_of_is_scored_and_the_others_are_counted(
    home: Home,
) -> None:
    run = score(home)
    facts = {one.model: one for one in run.sets}
    repository = OperatorRepository(home)
    for name, one in facts.items():
        with NewestReader(repository, TARGETS[name].service, memory_gb=1, threads=1) as reader:
            present = len(reader.main.ids())
        assert one.excluded
        assert one.entities + sum(one.excluded.values()) == present, name
    assert set(facts["churn"].excluded) > {"iot", "enterprise", "suspended"}
    assert run.skipped.keys() == {"non_payment", "nps_detractor"}


def test_a_version_speaks_of_whom_its_own_settings_say(home: Home) -> None:
    def new_lines(settings: LabelSettings) -> int:
        config = CONFIG.model_copy(update={"labels": settings})
        (facts,) = score_everybody(
            home, config, clock=clock_at(NIGHT), online=ONLINE, model="churn"
        ).sets
        return facts.excluded.get("new", 0)

    present = LabelSettings()
    few = new_lines(present)
    trained = make_operator_version(home, TARGETS["churn"])
    labels = LabelSettings(known_days=180).model_dump()
    register_champion(home, replace(trained, documents={**trained.documents, LABELS: labels}))
    many = new_lines(present)
    assert many > few
    assert new_lines(LabelSettings(known_days=7)) == many


def test_objectors_are_marked_and_their_marketing_scores_are_null(home: Home) -> None:
    run = score(home)
    assert run.folder is not None
    path = run.folder / "churn.parquet"
    facts = read_facts(path)
    service, marketing = (read_scores(path, purpose) for purpose in ("service", "marketing"))
    objecting = ["profiling_objection" in marks for marks in service["marks"].to_pylist()]
    assert 0 < sum(objecting) == 3 * facts.marks["profiling_objection"] < len(objecting)
    assert service["probability"].null_count == 0
    is_null = [value is None for value in marketing["probability"].to_pylist()]
    assert is_null == objecting
    assert marketing["marks"] == service["marks"]


def test_without_consent_traffic_data_give_no_marketing_score(home: Home) -> None:
    demanded = score(home, traffic_consent=True)
    assert demanded.folder is not None
    facts = {one.model: one for one in demanded.sets}
    rows = read_scores(demanded.folder / "churn.parquet", "marketing")
    without = ["no_basis" in marks for marks in rows["marks"].to_pylist()]
    assert 0 < sum(without) < len(without)
    assert sum(without) == 3 * facts["churn"].marks["no_basis"]
    assert all(
        value is None
        for value, barred in zip(rows["probability"].to_pylist(), without, strict=True)
        if barred
    )


def test_scoring_again_does_nothing_until_a_model_or_the_features_change(home: Home) -> None:
    first = score(home)
    assert first.folder is not None
    assert first.unchanged == ()
    before = {path: path.stat().st_mtime_ns for path in first.folder.iterdir()}
    second = score(home)
    assert second.unchanged == tuple(one.model for one in second.sets)
    assert second.sets == first.sets
    assert {path: path.stat().st_mtime_ns for path in first.folder.iterdir()} == before
    other = score(home, explained_share=0.5)
    assert other.unchanged == ()


def test_scores_lie_beside_the_features(home: Home) -> None:
    run = score(home)
    assert run.folder is not None
    store = PackedStore(online_directory(OperatorRepository(home).directory))
    for facts in run.sets:
        assert store.get_document(f"scores/{facts.model}") == facts.to_json()
        rows = pq.read_table(run.folder / f"{facts.model}.parquet").to_pylist()
        key = {"churn": "subscription_id", "csat_low": "customer_id"}.get(
            facts.model, "interaction_id"
        )
        last = list(facts.bands)[-1]
        rows = [row for row in rows if str(row["horizon_days"]) == last]
        columns = ["version", f"probability_{last}"]
        values, times = store.read(f"scores_{facts.model}", columns, [row[key] for row in rows])
        assert values[:, 0].tolist() == [float(facts.version)] * len(rows)
        assert values[:, 1].tolist() == [row["probability"] for row in rows]
        assert times.tolist() == [row["feature_time"].replace(tzinfo=None) for row in rows]
        texts, _ = store.read_texts(
            f"reasons_{facts.model}", [f"reasons_{last}"], [row[key] for row in rows]
        )
        assert [text and json.loads(text) for (text,) in texts] == [row["reasons"] for row in rows]


def test_wrong_input_is_refused(home: Home, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--model: must be one of churn"):
        score(home, "chrun")
    with pytest.raises(InputError, match="holds no features yet"):
        score(Home(tmp_path / "empty"))


def test_a_home_without_models_says_so(home: Home) -> None:
    home.tracking.unlink()
    run = score(home)
    assert run.sets == ()
    assert run.at is None
    assert set(run.to_json()["skipped"].values()) == {"no model was trained yet"}
