"""Every feature says all that must be said of it."""

import re
import subprocess
import sys

import pytest

from features.contracts.tables import TABLES
from features.fields import LINKS, SERVICES, VIEWS
from features.views.declaration import DRIVERS, ENTITIES, NEVER, NOT_KNOWN

FEATURES = [feature for view in VIEWS.values() for feature in view.features]
TAGS = {
    "unit",
    "driver",
    "actionable",
    "lines",
    "direction.churn",
    "direction.dissatisfaction",
    "reason",
    "live",
    "data_class",
    "tables",
    "null",
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


def test_every_missing_value_has_a_meaning_or_is_not_known_or_never_there() -> None:
    null_of = {feature.name: feature.null for feature in FEATURES}
    assert null_of["days_to_commitment_end"] == "no minimum term, or one that has ended"
    assert null_of["termination_fee"] == "no termination fee"
    assert null_of["last_csat"] == "no such CSAT answer in 182 days"
    assert {null_of["minutes_28d"], null_of["worst_voice_quality_28d"]} == {NOT_KNOWN}
    assert {null_of["contacts_28d"], null_of["tenure_days"]} == {NEVER}
    # Of a customer's lines together, a missing value means what it means of each.
    assert null_of["greatest_price_change_share"] == null_of["price_change_share"]


@pytest.mark.parametrize("name", ["usage", "network", "value"])
def test_a_number_of_weekly_rows_that_is_missing_is_not_known(name: str) -> None:
    """Weekly rows may be missing of whoever left: the leak watch has to see that."""
    watched = {feature.name for feature in VIEWS[name].features if feature.null == NOT_KNOWN}
    assert set(VIEWS[name].columns) - watched <= {"days_since_use", "unused_allowance_28d"}


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
