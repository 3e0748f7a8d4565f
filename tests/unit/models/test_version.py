import hashlib
import json
from dataclasses import replace
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logit

from holdfast.errors import ModelError
from models.bands import BandBounds
from models.calibration import PlattCalibration
from models.level.revision import LevelRevision, assumed_level
from models.scorer import Scorer
from models.strata import Strata
from models.version import HorizonModel, ModelVersion, StratumModel, load_evaluated, load_version

FEATURES = ("a", "b", "c")


def _matrix(rows: int, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    matrix = random.normal(size=(rows, 3))
    matrix[:, 2] = random.integers(0, 4, rows)
    matrix[random.random((rows, 3)) < 0.1] = np.nan
    return matrix


@pytest.fixture(scope="module")
def model() -> ModelVersion:
    matrix = _matrix(800, 1)
    label = (np.nan_to_num(matrix[:, 0]) + np.random.default_rng(2).normal(size=800) > 0).astype(
        float
    )
    data = lgb.Dataset(matrix, label, feature_name=list(FEATURES), categorical_feature=[2])
    booster = lgb.train(
        {"objective": "binary", "num_leaves": 7, "verbosity": -1, "num_threads": 1}, data, 30
    )
    return ModelVersion(
        name="churn",
        service="table_v1",
        features=FEATURES,
        horizon_models=(
            HorizonModel.plain(
                [booster],
                PlattCalibration(slope=0.8, intercept=-0.3),
                BandBounds(high=0.7, medium=0.4),
            ),
        ),
        documents={"encoding.json": [{"name": "A ä 😀"}]},
    )


@pytest.fixture(scope="module")
def several(model: ModelVersion) -> ModelVersion:
    """Three horizons, with a stratum that has a booster of its own and one that has a calibration
    of its own.
    """
    matrix = _matrix(800, 7)
    label = (np.nan_to_num(matrix[:, 1]) + np.random.default_rng(8).normal(size=800) > 0).astype(
        float
    )
    data = lgb.Dataset(matrix, label, feature_name=list(FEATURES))
    other = lgb.train(
        {"objective": "binary", "num_leaves": 7, "verbosity": -1, "num_threads": 1}, data, 20
    )
    (booster,), bands = model.main.everyone.boosters, BandBounds(high=0.7, medium=0.4)
    horizon_models = tuple(
        HorizonModel(
            horizon_days=days,
            stratum_models={
                "": StratumModel((booster,), PlattCalibration(slope=0.8, intercept=shift)),
                "prepaid": StratumModel((other,), PlattCalibration(slope=1.0, intercept=shift)),
                "fixed": StratumModel((booster,), PlattCalibration(slope=0.5, intercept=-shift)),
            },
            bands=bands,
        )
        for days, shift in ((30, -1.0), (60, -0.9), (90, -0.2))
    )
    strata = Strata("c", ("postpaid", "prepaid", "fixed"))
    return ModelVersion(
        name="churn",
        service="table_v1",
        features=FEATURES,
        horizon_models=horizon_models,
        strata=strata,
    )


@given(st.integers(0, 10_000), st.integers(1, 40))
@settings(max_examples=25)
def test_base_and_contributions_add_up_to_the_raw_margin(
    model: ModelVersion, seed: int, rows: int
) -> None:
    scorer, matrix = Scorer(model, threads=1), _matrix(rows, seed)
    explanation = scorer.explain(matrix)
    assert np.allclose(
        explanation.base + explanation.contributions.sum(axis=1),
        scorer.score(matrix).margin,
        atol=1e-9,
    )


def test_the_strongest_contributions_come_first(model: ModelVersion) -> None:
    explanation = Scorer(model, threads=1).explain(_matrix(50, 3))
    strength = np.abs(
        np.take_along_axis(explanation.contributions, explanation.strongest(3), axis=1)
    )
    assert np.all(np.diff(strength, axis=1) <= 0)
    assert explanation.strongest(2).shape == (50, 2)


def test_threads_and_company_change_nothing(model: ModelVersion) -> None:
    matrix = _matrix(200, 4)
    whole = Scorer(model, threads=0).score(matrix)
    alone = [Scorer(model, threads=1).score(row[None]) for row in matrix]
    assert whole.probability.tolist() == [scores.probability[0] for scores in alone]
    assert whole.band.tolist() == [scores.band[0] for scores in alone]


def test_a_prepared_scorer_explains_alike_and_each_row_by_itself(several: ModelVersion) -> None:
    matrix, plain, prepared = _matrix(60, 5), *(Scorer(several, threads=1) for _ in range(2))
    prepared.prepare()
    for days in several.horizons:
        expected, explained = plain.explain(matrix, days), prepared.explain(matrix, days)
        assert np.abs(explained.contributions - expected.contributions).max() < 1e-9
        assert np.allclose(explained.base, expected.base, rtol=0, atol=1e-9)
        alone = [prepared.explain(row[None], days).contributions for row in matrix]
        assert np.concatenate(alone).tobytes() == explained.contributions.tobytes()


def test_nobody_is_scored_too(model: ModelVersion) -> None:
    assert len(Scorer(model, threads=1).score(np.empty((0, 3))).probability) == 0


def test_rows_of_another_width_are_refused(model: ModelVersion) -> None:
    with pytest.raises(ModelError, match="3 features"):
        Scorer(model, threads=1).score(np.zeros((2, 4)))


def test_saved_and_loaded_it_is_the_same(model: ModelVersion, tmp_path: Path) -> None:
    loaded = load_version(tmp_path / "v", model.save(tmp_path / "v"))
    matrix = _matrix(100, 5)
    assert np.array_equal(
        Scorer(loaded, threads=1).score(matrix).margin,
        Scorer(model, threads=1).score(matrix).margin,
    )
    assert (loaded.features, loaded.horizons, loaded.strata) == (model.features, (None,), None)
    assert (loaded.main.everyone.calibration, loaded.main.bands) == (
        model.main.everyone.calibration,
        model.main.bands,
    )
    assert loaded.documents == model.documents


def test_boosters_that_are_averaged_are_saved_once_each_and_scored_alike(
    several: ModelVersion, tmp_path: Path
) -> None:
    (first,), (second,) = (several.main.stratum_models[name].boosters for name in ("", "prepaid"))
    horizon_models = tuple(
        replace(
            one,
            stratum_models={
                "": StratumModel((first, second), PlattCalibration(slope=1.0, intercept=0.0)),
                "fixed": StratumModel((second,), PlattCalibration(slope=1.0, intercept=-1.0)),
            },
        )
        for one in several.horizon_models
    )
    version = replace(several, horizon_models=horizon_models)
    loaded = load_version(tmp_path / "v", version.save(tmp_path / "v"))
    assert sorted(version.boosters) == ["booster_30.2.txt", "booster_30.txt"]
    assert sorted(path.name for path in (tmp_path / "v").glob("*.txt")) == sorted(version.boosters)
    matrix = _matrix(40, 5)
    few, many = Scorer(loaded, threads=1), Scorer(version, threads=1)
    few.prepare()
    alone = [few.score(row[None]).margin[0] for row in matrix]
    assert alone == many.score(matrix).margin.tolist()
    explained = few.explain(matrix)
    assert np.abs(explained.contributions - many.explain(matrix).contributions).max() < 1e-9
    assert np.allclose(explained.margin, many.score(matrix).margin, rtol=0, atol=1e-9)


def test_versions_whose_parts_have_one_booster_are_read_as_before(
    several: ModelVersion, tmp_path: Path
) -> None:
    several.save(tmp_path / "v")
    path = tmp_path / "v" / "model.json"
    description = json.loads(path.read_text())
    for one in description["heads"]:
        for part in one["parts"].values():
            (part["booster"],) = part.pop("boosters")
    path.write_text(json.dumps({**description, "format": 2}))
    loaded = load_version(tmp_path / "v", hashlib.sha256(path.read_bytes()).hexdigest())
    matrix = _matrix(40, 6)
    assert np.array_equal(
        Scorer(loaded, threads=1).score(matrix).probability,
        Scorer(several, threads=1).score(matrix).probability,
    )


def test_what_was_evaluated_is_kept_beside_what_scores_and_loaded_where_it_is_asked_for(
    several: ModelVersion, model: ModelVersion, tmp_path: Path
) -> None:
    version = replace(model, evaluated=several.horizon_models[:1], strata=several.strata)
    directory, sha256 = tmp_path / "v", version.save(tmp_path / "v")
    served, evaluated = load_version(directory, sha256), load_evaluated(directory, sha256)
    assert (served.horizons, evaluated.horizons) == (model.horizons, (30,))
    assert served.documents == evaluated.documents == model.documents
    assert served.evaluated == evaluated.evaluated == ()
    matrix = _matrix(50, 8)
    for loaded, expected in ((served, model), (evaluated, several)):
        assert np.array_equal(
            Scorer(loaded, threads=1).score(matrix, loaded.horizons[0]).margin,
            Scorer(expected, threads=1).score(matrix, loaded.horizons[0]).margin,
        )
    assert sorted(path.name for path in directory.glob("*.txt")) == [
        "booster.txt",  # which both share
        "evaluated_booster_30_prepaid.txt",
    ]
    (directory / "evaluated_booster_30_prepaid.txt").write_text("tree")
    with pytest.raises(ModelError, match="damaged"):
        load_version(directory, sha256)


def test_a_version_without_a_refit_is_evaluated_as_it_scores(
    model: ModelVersion, tmp_path: Path
) -> None:
    evaluated = load_evaluated(tmp_path / "v", model.save(tmp_path / "v"))
    matrix = _matrix(50, 8)
    assert np.array_equal(
        Scorer(evaluated, threads=1).score(matrix).probability,
        Scorer(model, threads=1).score(matrix).probability,
    )


def test_a_version_is_text_and_json_only(model: ModelVersion, tmp_path: Path) -> None:
    model.save(tmp_path / "v")
    assert sorted(path.name for path in (tmp_path / "v").iterdir()) == [
        "booster.txt",
        "encoding.json",
        "model.json",
    ]
    for path in (tmp_path / "v").glob("*.json"):
        json.loads(path.read_text(encoding="utf-8"))
    assert (tmp_path / "v" / "booster.txt").read_text(encoding="utf-8").startswith("tree\n")


@pytest.mark.parametrize("name", ["booster.txt", "encoding.json", "model.json"])
def test_a_changed_byte_is_noticed(model: ModelVersion, tmp_path: Path, name: str) -> None:
    digest = model.save(tmp_path / "v")
    content = bytearray((tmp_path / "v" / name).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "v" / name).write_bytes(content)
    with pytest.raises(ModelError, match=r"damaged|cannot be loaded"):
        load_version(tmp_path / "v", digest)


@pytest.mark.parametrize("name", ["booster.txt", "encoding.json", "model.json"])
@pytest.mark.parametrize("damage", ["missing", "empty", "nonsense"])
def test_a_damaged_file_is_a_model_error(
    model: ModelVersion, tmp_path: Path, name: str, damage: str
) -> None:
    digest = model.save(tmp_path / "v")
    if damage == "missing":
        (tmp_path / "v" / name).unlink()
    else:
        (tmp_path / "v" / name).write_text("" if damage == "empty" else "[1, 2")
    with pytest.raises(ModelError):
        load_version(tmp_path / "v", digest)


def part(**changed: object) -> dict[str, object]:
    return {
        "boosters": ["booster.txt"],
        "calibration": {"kind": "platt", "slope": 1, "intercept": 0},
        **changed,
    }


def head(parts: dict[str, object], **changed: object) -> dict[str, object]:
    return {"horizon_days": None, "parts": parts, "bands": {"high": 1, "medium": 0}, **changed}


@pytest.mark.parametrize(
    "change, words",
    [
        ({"format": 1}, "must be of format 2 or 3; train it again"),
        ({"features": ["a", "b"]}, "must have been trained on the features"),
        ({"features": "abc"}, "model.json: features: must be a valid array"),
        ({"name": None}, "model.json: name: must be a valid string"),
        ({"heads": []}, "heads: .* at least 1 item"),
        ({"heads": None}, "model.json: heads: must be a valid array"),
        ({"heads": [head({"": part()}, bands={})]}, "model.json: heads.0.bands.high: is missing"),
        (
            {"heads": [head({"": part()}, bands={"high": float("nan"), "medium": 0})]},
            "heads.0.bands.high: must be a finite number",
        ),
        ({"heads": [head({"": part(calibration={"kind": "x"})})]}, "calibration: .*'platt'"),
        (
            {
                "heads": [
                    head({"": part(calibration={"kind": "platt", "slope": -1, "intercept": 0})})
                ]
            },
            "heads.0.parts.*calibration.platt.slope: must be greater than or equal to 0",
        ),
        ({"heads": [head({"": part(boosters=["other.txt"])})]}, "other.txt"),
        ({"heads": [head({"prepaid": part()})]}, "heads.0: parts must hold one for all other rows"),
        ({"heads": [head({"": part(boosters=[])})]}, "boosters: .* at least 1 item"),
        (
            {"format": 2, "heads": [head({"": {"booster": 3}})]},
            "boosters.0: must be a valid string",
        ),
        ({"format": 2, "heads": [7]}, "heads.0: must be an object"),
        ({"heads": [head({})]}, "heads.0: parts must hold one for all other rows"),
        ({"strata": {"feature": "d", "names": ["postpaid"]}}, "by one of its features"),
    ],
)
def test_a_description_that_does_not_fit_is_a_model_error(
    model: ModelVersion, tmp_path: Path, change: dict[str, object], words: str
) -> None:
    model.save(tmp_path / "v")
    path = tmp_path / "v" / "model.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(ModelError, match=words):
        load_version(tmp_path / "v", hashlib.sha256(path.read_bytes()).hexdigest())


@pytest.mark.parametrize(
    "key", ["format", "name", "service", "features", "strata", "heads", "sha256"]
)
def test_no_key_of_the_description_may_be_missing(
    model: ModelVersion, tmp_path: Path, key: str
) -> None:
    model.save(tmp_path / "v")
    path = tmp_path / "v" / "model.json"
    description = json.loads(path.read_text())
    del description[key]
    path.write_text(json.dumps(description))
    with pytest.raises(ModelError):
        load_version(tmp_path / "v", hashlib.sha256(path.read_bytes()).hexdigest())


def test_every_stratum_is_scored_by_its_own_model(several: ModelVersion) -> None:
    matrix, scorer = _matrix(300, 9), Scorer(several, threads=1)
    scores, explanation, base = scorer.score(matrix), scorer.explain(matrix), scorer.base(matrix)
    stratum_models = several.main.stratum_models
    for stratum, rows in (
        ("prepaid", matrix[:, 2] == 1),
        ("fixed", matrix[:, 2] == 2),
        ("", ~np.isin(matrix[:, 2], [1, 2])),
    ):
        assert rows.any()
        (booster,) = stratum_models[stratum].boosters
        assert np.array_equal(scores.margin[rows], booster.predict(matrix[rows], raw_score=True))
        assert np.array_equal(
            explanation.contributions[rows],
            booster.predict(matrix[rows], pred_contrib=True)[:, :-1],
        )
    assert np.array_equal(explanation.base, base)
    assert len(np.unique(base)) == 2
    assert np.allclose(base + explanation.contributions.sum(axis=1), scores.margin, atol=1e-9)


def test_one_row_of_many_strata_scores_as_all_together(several: ModelVersion) -> None:
    matrix, scorer = _matrix(60, 10), Scorer(several, threads=1)
    assert [scorer.score(row[None], 60).probability[0] for row in matrix] == scorer.score(
        matrix, 60
    ).probability.tolist()


@given(st.integers(0, 10_000), st.integers(0, 20))
@settings(max_examples=25)
def test_probability_never_decreases_with_the_horizon(
    several: ModelVersion, seed: int, rows: int
) -> None:
    scores = Scorer(several, threads=1).score_all(_matrix(rows, seed))
    probabilities = np.array([horizon.probability for horizon in scores])
    assert probabilities.shape == (3, rows)
    assert np.all(np.diff(probabilities, axis=0) >= 0)


def test_several_horizons_are_saved_and_loaded(several: ModelVersion, tmp_path: Path) -> None:
    loaded = load_version(tmp_path / "v", several.save(tmp_path / "v"))
    assert sorted(path.name for path in (tmp_path / "v").glob("*.txt")) == [
        "booster_30.txt",
        "booster_30_prepaid.txt",
    ]
    assert (loaded.horizons, loaded.strata) == ((30, 60, 90), several.strata)
    matrix = _matrix(100, 11)
    for days in (30, 60, 90, None):
        read_back, was = (
            Scorer(version, threads=1).score(matrix, days) for version in (loaded, several)
        )
        assert read_back.probability.tolist() == was.probability.tolist()


def test_a_horizon_that_is_not_there_is_refused(several: ModelVersion, model: ModelVersion) -> None:
    with pytest.raises(ModelError, match=r"30, 60, 90.*45"):
        Scorer(several, threads=1).score(_matrix(1, 1), 45)
    with pytest.raises(ModelError, match="none"):
        Scorer(model, threads=1).explain(_matrix(1, 1), 90)


def test_a_level_moves_the_log_odds_of_each_stratum_and_no_margin(several: ModelVersion) -> None:
    matrix = _matrix(200, 11)
    matrix[:, 2] = np.random.default_rng(12).integers(0, 4, 200)
    level = replace(
        assumed_level(("postpaid", "prepaid", "fixed"), (0.5, 0.25, 0.25)), shift=(0.4, -0.3, 0.0)
    )
    revision = LevelRevision(at="2026-01-05T00:00:00+00:00", horizons={"90": level})
    alone = replace(several, horizon_models=several.horizon_models[-1:])
    before, after = (Scorer(alone, threads=1, level=one).score(matrix) for one in (None, revision))
    moved = logit(after.probability) - logit(before.probability)
    expected = np.choose(matrix[:, 2].astype(int), [0.4, -0.3, 0.0, level.common])
    assert after.margin.tolist() == before.margin.tolist()
    np.testing.assert_allclose(moved, expected, atol=1e-9)


def test_a_level_that_moves_nothing_changes_no_bit(several: ModelVersion) -> None:
    matrix = _matrix(60, 13)
    revision = LevelRevision(at="2026-01-05T00:00:00+00:00", horizons={"90": assumed_level()})
    before, after = (
        Scorer(several, threads=1, level=one).score_all(matrix) for one in (None, revision)
    )
    for one, other in zip(before, after, strict=True):
        assert one.probability.tolist() == other.probability.tolist()
