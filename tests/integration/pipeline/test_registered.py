"""Which versions there are, asked of MLflow and, before it is loaded, of its database."""

import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from holdfast.errors import ModelError
from holdfast.home import Home
from models.registry import (
    find_champion,
    find_served,
    find_version,
    require_served,
    require_version,
)
from pipeline.promote import show_model
from tests.builders.clocks import NOW
from tests.builders.registry import promote_model, registered, registry_client, rollback_model
from training.release.tracking import Tracking


def test_what_is_not_there_is_told(
    home: Home, tracking: Tracking, name: str, tmp_path: Path
) -> None:
    empty = Home(tmp_path / "nothing")
    for act in (promote_model, rollback_model, show_model):
        with pytest.raises(ModelError, match="no model registry there"):
            act(empty, "churn")
    assert not empty.root.exists()
    registered(tracking, name)
    with pytest.raises(ModelError, match=f"model {name}: has no champion; it has 1, challenger"):
        rollback_model(home, name)
    with pytest.raises(ModelError, match="no readable champion"):
        find_champion(home, name)
    with pytest.raises(
        ModelError, match=r"must be a version of model .* \(1, challenger\) \(got '7'\)"
    ):
        promote_model(home, name, "7")
    promote_model(home, name)
    with pytest.raises(ModelError, match="has no challenger"):
        promote_model(home, name)
    with pytest.raises(ModelError, match=r"needs a version .* that was champion before"):
        rollback_model(home, name)
    with pytest.raises(ModelError, match=r"must be one that was registered \(.*\) \(got 'chrun'\)"):
        promote_model(home, "chrun")


def test_the_champion_of_several_models_is_the_one_that_became_so_last(
    home: Home, tracking: Tracking, name: str
) -> None:
    models = (f"{name}_one", f"{name}_other", f"{name}_absent")
    with pytest.raises(ModelError, match=f"no readable champion of model {models[0]} or"):
        find_served(home, models)
    numbers = [registered(tracking, model) for model in models[:2]]
    with pytest.raises(ModelError, match="no readable champion"):
        find_served(home, models)
    moved = []

    def make_champion(model: str, number: str, hours: int) -> Path:
        tracking.promotions.move(model, number, "gate", NOW + timedelta(hours=hours))
        moved.append(find_version(home, model, number).address(home).directory)
        return find_served(home, models).directory

    # Before it was recorded when a version became champion.
    tracking._client.set_registered_model_alias(models[0], "champion", numbers[0])
    before = find_served(home, models)
    assert before.directory == find_version(home, models[0], "1").address(home).directory
    assert make_champion(models[1], numbers[1], 0) == moved[-1]
    second = registered(tracking, models[0])
    assert make_champion(models[0], second, 1) == moved[-1]
    # A rollback counts as well.
    registered(tracking, models[1])
    assert make_champion(models[1], "2", 2) == moved[-1]
    tracking.promotions.move(models[1], "1", "rollback", NOW + timedelta(hours=3))
    assert find_served(home, models).directory == moved[0]


def test_a_home_without_a_champion_is_refused_before_mlflow_is_loaded(
    home: Home, tracking: Tracking, name: str, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match="no model registry there"):
        require_served(Home(tmp_path), (name,))
    registered(tracking, name)
    with pytest.raises(
        ModelError, match=rf"has no champion; registered are: .*{name} 1, challenger"
    ):
        require_served(home, (name, "other"))
    promote_model(home, name)
    require_served(home, ("other", name))


def test_the_check_before_mlflow_is_loaded_agrees_with_mlflow(
    home: Home, tracking: Tracking, name: str, tmp_path: Path
) -> None:
    """Of names, numbers and aliases, those of a deleted version and model among them."""
    for _ in range(3):
        registered(tracking, name)
    promote_model(home, name)
    registered(tracking, f"{name}_gone")
    client = registry_client(home)
    client.delete_model_version(name, "2")
    client.delete_registered_model(f"{name}_gone")
    before = sorted(home.root.iterdir())
    for model in (name, f"{name}_gone", "chrun"):
        for which in ("1", "2", "3", "4", "01", "champion", "challenger", "previous", ""):
            assert answer(find_version, home, model, which) == answer(
                require_version, home, model, which
            )
    assert sorted(home.root.iterdir()) == before


def test_a_registry_that_cannot_be_read_early_is_left_to_mlflow(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with sqlite3.connect(home.tracking) as database:
        database.execute("CREATE TABLE model_versions (name, number)")
    require_version(home, "churn", "99")
    home.tracking.write_bytes(b"no database")
    require_version(home, "churn", "99")


def answer(ask: Callable[[Home, str, str], object], home: Home, model: str, which: str) -> str:
    """What it is refused with, or nothing."""
    try:
        ask(home, model, which)
    except ModelError as error:
        return str(error)
    return ""
