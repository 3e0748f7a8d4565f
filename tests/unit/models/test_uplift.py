"""The uplift model: what it says of people, and that nothing damaged is ever loaded."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from holdfast.errors import ModelError
from models.uplift import UpliftGroup, UpliftModel, load_uplift
from tests.builders.experiments import experiment
from training.uplift.learners import Learners


@pytest.fixture(scope="module")
def model() -> UpliftModel:
    drawn = experiment(rows=800)
    booster = Learners(drawn, 1).fit_effect(np.arange(800), 0.3 * np.sign(drawn.matrix[:, 1]) + 0.1)
    return UpliftModel(
        name="uplift_call",
        action="call",
        service="churn_v1",
        features=drawn.features,
        booster=booster,
        average=0.02,
        low=0.01,
        high=0.03,
        centre=0.1,
        slope=0.5,
        works=True,
        targetable=True,
        groups=(UpliftGroup(0.1, 0.05, 0.03, 0.07), UpliftGroup(-1.0, -0.01, -0.03, 0.01)),
        documents={"uplift.json": {"verdict": "works"}},
    )


def test_it_says_the_same_once_stored(model: UpliftModel, tmp_path: Path) -> None:
    matrix = experiment(rows=300, seed=2).matrix
    loaded = load_uplift(tmp_path / "m", model.save(tmp_path / "m"))
    for before, after in zip(
        vars(model.predict(matrix)).values(),
        vars(loaded.predict(matrix, threads=2)).values(),
        strict=True,
    ):
        np.testing.assert_array_equal(before, after)
    assert replace(loaded, booster=model.booster) == model
    assert sorted(path.name for path in (tmp_path / "m").iterdir()) == [
        "booster.txt",
        "model.json",
        "uplift.json",
    ]


def test_differences_are_believed_as_far_as_the_experiment_shows_them(model: UpliftModel) -> None:
    matrix = experiment(rows=300, seed=2).matrix
    raw = model.booster.predict(matrix)
    predicted = model.predict(matrix)
    np.testing.assert_allclose(predicted.effect, 0.02 + 0.5 * (raw - 0.1))
    np.testing.assert_allclose(
        replace(model, slope=0.0, targetable=False).predict(matrix).effect, 0.02
    )
    np.testing.assert_array_equal(predicted.ranking, raw)
    np.testing.assert_array_equal(predicted.group, (raw < 0.1).astype(int))
    np.testing.assert_array_equal(predicted.low, np.where(raw < 0.1, -0.03, 0.03))
    np.testing.assert_array_equal(predicted.high, np.where(raw < 0.1, 0.01, 0.07))


def test_nobody_is_in_no_group(model: UpliftModel) -> None:
    groups = (UpliftGroup(9.0, 0.0, 0.0, 0.0), UpliftGroup(8.0, 0.1, 0.0, 0.2))
    assert set(replace(model, groups=groups).predict(np.full((1, 6), np.nan)).group) == {1}
    assert len(model.predict(np.empty((0, 6))).effect) == 0


def test_whether_there_is_anything_to_speak_of(model: UpliftModel) -> None:
    assert model.detectable
    assert replace(model, works=False).detectable
    assert not replace(model, works=False, targetable=False).detectable


def test_other_features_are_refused(model: UpliftModel) -> None:
    with pytest.raises(ModelError, match="needs rows of 6 features"):
        model.predict(np.zeros((2, 5)))


@pytest.mark.parametrize("name", ["model.json", "booster.txt", "uplift.json"])
def test_a_damaged_file_is_refused(model: UpliftModel, tmp_path: Path, name: str) -> None:
    digest = model.save(tmp_path)
    (tmp_path / name).write_text(
        (tmp_path / name).read_text(encoding="utf-8") + " ", encoding="utf-8"
    )
    with pytest.raises(ModelError, match="is damaged"):
        load_uplift(tmp_path, digest)


@pytest.mark.parametrize("name", ["model.json", "booster.txt"])
def test_a_missing_file_is_refused(model: UpliftModel, tmp_path: Path, name: str) -> None:
    digest = model.save(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_uplift(tmp_path, digest)


def test_another_kind_format_or_schema_is_refused(model: UpliftModel, tmp_path: Path) -> None:
    for place, (changes, why) in enumerate(
        (
            ({"kind": "churn"}, "must be an uplift model"),
            ({"format": 9}, "must be an uplift model"),
            ({"slope": 3.0}, "slope"),
        )
    ):
        digest = _rewritten(model, tmp_path / str(place), changes)
        with pytest.raises(ModelError, match=why):
            load_uplift(tmp_path / str(place), digest)
    digest = _rewritten(model, tmp_path / "features", {"features": ["a"] * 6})
    with pytest.raises(ModelError, match="trained on the features"):
        load_uplift(tmp_path / "features", digest)


def _rewritten(model: UpliftModel, folder: Path, changes: dict[str, object]) -> str:
    from hashlib import sha256

    model.save(folder)
    document = json.loads((folder / "model.json").read_text(encoding="utf-8")) | changes
    text = json.dumps(document)
    (folder / "model.json").write_text(text, encoding="utf-8")
    return sha256(text.encode()).hexdigest()
