"""Which versions there are, asked of MLflow and, before it is loaded, of its database."""

import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from holdfast.errors import ModelError
from holdfast.home import Home
from models.registry import (
    alias_since,
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


def test_every_model_is_served_by_its_champion_since_it_became_so(
    home: Home, tracking: Tracking, name: str
) -> None:
    models = (f"{name}_other", f"{name}_one", f"{name}_absent")
    with pytest.raises(ModelError, match=f"no readable champion of model {models[0]} or"):
        find_served(home, models)
    numbers = {model: registered(tracking, model) for model in models[:2]}
    with pytest.raises(ModelError, match="no readable champion"):
        find_served(home, models)
    # Before it was recorded when a version became champion.
    tracking._client.set_registered_model_alias(models[1], "champion", numbers[models[1]])
    ((entry, alias),) = find_served(home, models)
    assert (entry.name, alias_since(entry, alias)) == (models[1], entry.made_at)
    assert entry.address(home) == find_version(home, models[1], "1").address(home)

    since = NOW + timedelta(hours=1)
    tracking.promotions.move(models[0], numbers[models[0]], "gate", since)
    served = find_served(home, models)
    assert [entry.name for entry, _ in served] == list(models[:2])
    assert alias_since(*served[0]) == since


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
