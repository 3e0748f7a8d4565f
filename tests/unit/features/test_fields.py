"""Every feature says all that must be said of it."""

import re
import subprocess
import sys

import pytest

from features.contracts.tables import TABLES
from features.fields import LINKS, SERVICES, VIEWS
from features.views.declaration import DRIVERS, ENTITIES

FEATURES = [feature for view in VIEWS.values() for feature in view.features]
TAGS = {
    "unit",
    "driver",
    "actionable",
    "direction.churn",
    "direction.dissatisfaction",
    "reason",
    "live",
    "data_class",
    "tables",
}
DIRECTIONS = {"increasing", "decreasing", "none"}


def test_a_feature_says_all_that_must_be_said_of_it() -> None:
    for feature in FEATURES:
        assert set(feature.tags) == TAGS, feature
        assert all(feature.tags.values()), feature
        assert len(feature.about) > 5, feature
        assert feature.driver in DRIVERS, feature
        assert {feature.churn, feature.dissatisfaction} <= DIRECTIONS, feature
        assert feature.data_class in {"traffic", "location", "special", "none"}, feature


def test_a_feature_reads_only_tables_that_features_may_read() -> None:
    assert {TABLES[table].use for feature in FEATURES for table in feature.tables} == {"features"}


def test_what_may_never_be_a_feature() -> None:
    assert TABLES["port_requests"].use == "exclusion and reporting"
    assert TABLES["churn_events"].use == "labels"


def test_feast_keeps_features_of_these_names() -> None:
    for name in {feature.name for feature in FEATURES}:
        assert re.fullmatch(r"[a-z][a-z0-9_]+", name)
        assert not name.endswith("_y")  # dropped by Feast's DuckDB store
        assert name not in {
            "rn",
            "entity_row_id",
            "event_timestamp",
            "created_timestamp",
            "row",
            *ENTITIES.values(),
        }


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_no_name_twice_and_a_way_to_all_its_entities(service: str) -> None:
    views = [VIEWS[name] for name in SERVICES[service]]
    names = [column for view in views for column in view.columns]
    assert len(set(names)) == len(names)
    entity = views[0].entity
    assert {view.entity for view in views} - {entity} <= set(LINKS.get(entity, ()))


def test_no_model_reads_consents() -> None:
    assert [name for name, views in SERVICES.items() if "consent_live" in views] == ["consent_v1"]


def test_age_and_disability_are_no_features() -> None:
    assert not [
        feature
        for view in VIEWS.values()
        for feature in view.features
        if feature.data_class == "special"
    ]


def test_live_views_are_live_as_a_whole() -> None:
    for view in VIEWS.values():
        if view.name != "contact":
            assert {feature.live for feature in view.features} == {view.name.endswith("_live")}


def test_the_catalogue_is_imported_without_heavy_libraries() -> None:
    heavy = {"feast", "duckdb", "pandera", "pandas", "pyarrow", "numpy", "pydantic"}
    code = "import sys, features.fields; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True
    )
    assert not heavy & set(loaded.stdout.split())
