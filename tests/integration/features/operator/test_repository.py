"""A simulated operator from raw tables to both feature stores: online is what offline says, and
everything can be repeated.
"""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.fields import LINKS, SERVICES, VIEWS
from features.live.event import read_event
from features.live.store import LiveStore
from features.online.profile import read_profile
from features.online.service import online_directory, open_service, read, stale
from features.online.settings import OnlineSettings
from features.operator.repository import OperatorRepository
from features.packed.store import PackedStore
from features.settings import FeatureSettings
from holdfast.errors import InputError
from holdfast.home import Home
from pipeline.features import build_features, materialize_features
from simulator.engine.simulator import simulate
from tests.builders.clocks import NOW, clock_at

pytestmark = pytest.mark.proof


@pytest.fixture(scope="module")
def home(
    simulated_operator: Path,
    tmp_path_factory: pytest.TempPathFactory,
    is_proof: bool,
) -> Home:
    """Features of an operator, built and materialized: 10,000 subscriptions and history of a
    sample of customers under `--prove`, the operator that tests share otherwise.
    """
    folder = tmp_path_factory.mktemp("operator")
    home = Home(folder / "home")
    if not is_proof:
        shutil.copytree(simulated_operator / "home", home.root)
        return home
    simulate(folder / "simulated", 8_500, 10, 3)
    build_features(
        home,
        FeatureSettings(history_customers=200),
        now=NOW,
        source=str(folder / "simulated" / "raw"),
    )
    materialize_features(home)
    return home


@pytest.fixture
def repository(home: Home) -> OperatorRepository:
    return OperatorRepository(home)


def newest(repository: OperatorRepository, view: str) -> pa.Table:
    return pq.read_table(repository.tables / view / "newest.parquet")


def matrix_of(table: pa.Table, columns: tuple[str, ...]) -> np.ndarray:
    return np.column_stack([table[name].to_numpy(zero_copy_only=False) for name in columns])


@pytest.mark.parametrize("service", ["churn_v1", "dissatisfaction_v1", "consent_v1", "contact_v1"])
def test_online_values_equal_offline_values(
    home: Home, repository: OperatorRepository, service: str
) -> None:
    views = [VIEWS[name] for name in SERVICES[service]]
    entity = views[0].entity
    links = newest(repository, f"{entity}_links") if entity in LINKS else None
    ids = newest(repository, views[0].name)[views[0].join_key].to_pylist()
    linked = {} if links is None else {row[f"{entity}_id"]: row for row in links.to_pylist()}
    matrix, times = read(open_service(home, service, OnlineSettings()), ids)
    column = 0
    for position, view in enumerate(views):
        table = newest(repository, view.name)
        rows = dict(
            zip(table[view.join_key].to_pylist(), matrix_of(table, view.columns), strict=True)
        )
        moments = dict(
            zip(table[view.join_key].to_pylist(), table["event_timestamp"].to_pylist(), strict=True)
        )
        for row, asked in enumerate(ids):
            owner = asked if view.entity == entity else linked[asked][f"linked_{view.entity}"]
            offline = rows.get(owner, np.full(len(view.columns), np.nan))
            online = matrix[row, column : column + len(view.columns)]
            np.testing.assert_array_equal(online, offline, err_msg=f"{view.name} of {asked}")
            at = moments.get(owner)
            assert (at is None) == np.isnat(times[row, position])
            assert at is None or times[row, position].item().replace(tzinfo=UTC) == at
        column += len(view.columns)


def test_feasts_own_reads_give_the_same(home: Home, repository: OperatorRepository) -> None:
    links = newest(repository, "subscription_links").slice(0, 25).to_pylist()
    ids = [row["subscription_id"] for row in links]
    matrix, _ = read(open_service(home, "churn_v1", OnlineSettings()), ids)
    store = repository.feast()
    rows = [
        {"subscription_id": row["subscription_id"]}
        | {f"{other}_id": row[f"linked_{other}"] or "" for other in ("customer", "account", "cell")}
        for row in links
    ]
    served = store.get_online_features(store.get_feature_service("churn_v1"), rows).to_dict()
    columns = [column for view in SERVICES["churn_v1"] for column in VIEWS[view].columns]
    theirs = np.array(
        [[np.nan if value is None else value for value in served[name]] for name in columns]
    ).T
    np.testing.assert_array_equal(matrix, theirs)


def test_history_is_read_as_the_last_snapshot_before(repository: OperatorRepository) -> None:
    file = min((repository.tables / "usage" / "history").glob("*.parquet"))
    table = pq.read_table(file)
    ids = table["subscription_id"].to_pylist()
    monday = np.datetime64(table["event_timestamp"][0].as_py().replace(tzinfo=None), "us")
    columns = [column for view in SERVICES["churn_v1"] for column in VIEWS[view].columns]
    first = columns.index(VIEWS["usage"].columns[0])
    wanted = matrix_of(table, VIEWS["usage"].columns)
    unknown = np.full_like(wanted, np.nan)
    expected = {0: wanted, 7 * 24 - 1: wanted, -1: unknown, 24 * 365: unknown}
    at = np.repeat([monday + np.timedelta64(hours, "h") for hours in expected], len(ids))
    matrix = repository.historical("churn_v1", ids * len(expected), at)
    np.testing.assert_array_equal(
        matrix[:, first : first + wanted.shape[1]], np.concatenate(list(expected.values()))
    )


def test_unknown_service_and_somebody_unknown_are_named(
    home: Home, repository: OperatorRepository
) -> None:
    with pytest.raises(InputError, match="churn_v9"):
        repository.historical("churn_v9", ["x"], np.array(["2024-09-02"], dtype="datetime64[us]"))
    with pytest.raises(InputError, match="nobody"):
        read_profile(home, "churn_v1", "nobody", OnlineSettings(), NOW)


def test_values_older_than_a_week_and_a_day_are_reported_as_stale(
    home: Home, repository: OperatorRepository
) -> None:
    table = newest(repository, "contract")
    line, at = table["subscription_id"][0].as_py(), table["event_timestamp"][0].as_py()
    fresh, old = at + timedelta(days=8), at + timedelta(days=8, seconds=1)
    assert not any(
        known.stale
        for known in read_profile(home, "churn_v1", line, OnlineSettings(), fresh).features
    )
    late = read_profile(home, "churn_v1", line, OnlineSettings(), old)
    assert all(known.stale == (known.time is not None) for known in late.features)
    service = open_service(home, "churn_v1", OnlineSettings())
    _, times = read(service, [line])
    names = service.features_of(stale(service, times, old)[0])
    assert {known.feature.name for known in late.features if known.stale} == set(names)


def test_what_is_online_already_is_skipped(home: Home) -> None:
    again = materialize_features(home)
    assert again.rows == {}
    assert set(again.skipped) >= set(VIEWS)


def test_the_registry_knows_what_was_materialized_and_until_when(
    repository: OperatorRepository,
) -> None:
    at = newest(repository, "usage")["event_timestamp"][0].as_py()
    intervals = repository.feast().get_feature_view("usage").materialization_intervals
    assert intervals
    assert intervals[-1][1] >= at


def test_a_plan_says_what_would_change_and_changes_nothing(
    home: Home, repository: OperatorRepository
) -> None:
    assert repository.plan() == []
    store = repository.feast()
    store.delete_feature_service("consent_v1")
    missing = repository.plan()
    assert [(change.action, change.name) for change in missing] == [("create", "consent_v1")]
    assert repository.plan() == missing
    assert repository.apply() == missing
    assert repository.plan() == []


def test_a_plan_for_a_home_that_is_not_there_makes_none(tmp_path: Path) -> None:
    changes = OperatorRepository(Home(tmp_path / "nowhere")).plan()
    assert {change.action for change in changes} == {"create"}
    assert not (tmp_path / "nowhere").exists()


def test_missing_times_and_times_of_another_number_are_refused(
    repository: OperatorRepository,
) -> None:
    with pytest.raises(InputError, match="times: must be as many"):
        repository.historical(
            "churn_v1", ["x", "y"], np.array(["2024-09-02"], dtype="datetime64[us]")
        )
    with pytest.raises(InputError, match="times: must all be set"):
        repository.historical("churn_v1", ["x"], np.array(["NaT"], dtype="datetime64[us]"))


def test_a_build_beyond_or_before_the_data_is_refused(home: Home) -> None:
    with pytest.raises(InputError, match="must not lie after"):
        build_features(home, FeatureSettings(), now=NOW, at=datetime(2026, 1, 5, tzinfo=UTC))
    with pytest.raises(InputError, match="must not lie before"):
        build_features(home, FeatureSettings(), now=NOW, at=datetime(1990, 1, 1, tzinfo=UTC))


def test_what_the_definitions_no_longer_say_is_deleted_as_planned(
    repository: OperatorRepository,
) -> None:
    from feast import FeatureService

    store = repository.feast()
    store.apply([FeatureService(name="old_v0", features=[store.get_feature_view("usage")])])
    assert [(change.action, change.name) for change in repository.plan()] == [("delete", "old_v0")]
    repository.apply()
    assert "old_v0" not in [service.name for service in repository.feast().list_feature_services()]


def test_a_home_that_moved_reads_its_own_tables(home: Home, tmp_path: Path) -> None:
    moved = Home(tmp_path / "moved")
    shutil.copytree(home.root, moved.root)
    shutil.rmtree(moved.root / "raw")
    repository = OperatorRepository(moved)
    table = newest(repository, "contract").slice(0, 3)
    for file in (repository.tables / "contract").rglob("*.parquet"):
        changed = pq.read_table(file)
        position = changed.schema.get_field_index("monthly_fee")
        pq.write_table(
            changed.set_column(position, "monthly_fee", pa.array(np.full(changed.num_rows, 123.0))),
            file,
        )
    at = np.array(
        [moment.as_py().replace(tzinfo=None) for moment in table["event_timestamp"]],
        dtype="datetime64[us]",
    )
    columns = [column for view in SERVICES["churn_v1"] for column in VIEWS[view].columns]
    matrix = repository.historical("churn_v1", table["subscription_id"].to_pylist(), at)
    assert matrix[:, columns.index("monthly_fee")].tolist() == [123.0] * 3


def test_an_event_updates_live_features_and_leaves_the_others_as_of_the_build(
    home: Home, repository: OperatorRepository
) -> None:
    row = newest(repository, "subscription_links").slice(5, 1).to_pylist()[0]
    line, customer, built = row["subscription_id"], row["linked_customer"], row["event_timestamp"]
    arrived = built + timedelta(hours=30)
    ticket = {
        "ticket_id": "live-1",
        "customer_id": customer,
        "ticket_class": "quality",
        "ticket_kind": "complaint",
    }
    opened = {
        **ticket,
        "status": "opened",
        "happened_at": arrived - timedelta(minutes=5),
        "arrived_at": arrived,
    }
    before = {
        known.feature.name: known
        for known in read_profile(home, "churn_v1", line, OnlineSettings(), arrived).features
    }
    LiveStore(PackedStore(online_directory(repository.directory)), clock_at()).apply(
        read_event("tickets", opened)
    )
    after = {
        known.feature.name: known
        for known in read_profile(home, "churn_v1", line, OnlineSettings(), arrived).features
    }
    assert after["complaints_91d"].value == (before["complaints_91d"].value or 0) + 1
    assert after["complaints_91d"].time == arrived
    for known in after.values():
        if not known.feature.live:
            assert known == before[known.feature.name]
    materialize_features(home)
    assert read_profile(home, "churn_v1", line, OnlineSettings(), arrived).features[0].time == built
    again = {
        known.feature.name: known
        for known in read_profile(home, "churn_v1", line, OnlineSettings(), arrived).features
    }
    assert again == after
