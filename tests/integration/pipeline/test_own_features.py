"""A home's own features from their files to an answer: built, stored, read, served, in words."""

import json
import runpy
import shutil
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest

from features.compute.build import BuildReport
from features.contracts.tables import TABLES
from features.contracts.vocabulary import BILLING_TYPES
from features.dictionary import features_section
from features.fields import VIEWS
from features.online.profile import read_profile
from features.online.service import open_service, read
from features.operator.repository import OperatorRepository
from features.own.reading import OWN_DIRECTORY
from features.own.template import write_template
from holdfast.errors import InputError, ModelError
from holdfast.home import Home
from models.registry import list_versions, load_registered
from models.targets import TARGETS
from pipeline.features import build_features, materialize_features
from pipeline.night.score import score_everybody
from pipeline.own_features import check_home
from serving.served.follower import ModelFollower
from tests.builders.clocks import clock_at
from tests.builders.night import (
    CONFIG,
    FEATURES,
    NIGHT,
    ONLINE,
    make_operator_version,
    register_champion,
)
from tests.builders.own_features import FEATURE, VIEW, example_sql, example_toml, write_example
from tests.builders.served_home import predict, serving
from training.release.readiness import readiness

CHURN = TARGETS["churn"]


@dataclass(frozen=True)
class Built:
    """A home whose own feature came after its models.

    Parameters
    ----------
    home : Home
        The home, with champions that were trained without the feature.
    before : dict of Path to int
        When each feature file was written before the feature came, ns.
    report : BuildReport
        Of the build that computed it.
    """

    home: Home
    before: dict[Path, int]
    report: BuildReport


def written(home: Home) -> dict[Path, int]:
    tables = OperatorRepository(home).tables
    return {path: path.stat().st_mtime_ns for path in tables.glob("**/*.parquet")}


@pytest.fixture(scope="module")
def built(night_operator: Path, tmp_path_factory: pytest.TempPathFactory) -> Built:
    home = Home(shutil.copytree(night_operator / "home", tmp_path_factory.mktemp("own") / "home"))
    before = written(home)
    write_example(home)
    report = build_features(home, FEATURES, now=NIGHT).build
    materialize_features(home)
    return Built(home, before, report)


def copy_of(built: Built, folder: Path) -> Home:
    return Home(shutil.copytree(built.home.root, folder / "home"))


def newest(home: Home) -> pl.DataFrame:
    return pl.read_parquet(OperatorRepository(home).tables / VIEW / "newest.parquet")


def test_the_new_view_alone_is_computed(built: Built) -> None:
    after = written(built.home)
    assert {path: after[path] for path in built.before} == built.before
    assert {(path.parent.name, path.name) for path in after.keys() - built.before.keys()} == {
        (VIEW, "newest.parquet")
    }


def test_values_are_those_that_polars_gives(built: Built) -> None:
    rows = newest(built.home)
    at = built.report.at.replace(tzinfo=None)
    recharges = (
        pl.read_parquet(built.home.raw / "recharges" / "*.parquet")
        .with_columns(pl.col("happened_at", "arrived_at").dt.replace_time_zone(None))
        .filter(pl.col("arrived_at") <= at)
        .sort("arrived_at")
        .unique(TABLES["recharges"].key, keep="last", maintain_order=True)
        .filter((pl.col("happened_at") > at - timedelta(days=56)) & (pl.col("happened_at") <= at))
        .group_by("subscription_id")
        .agg((pl.col("channel") == "store").fill_null(value=False).mean().round(4).alias("share"))
    )
    both = rows.join(recharges, on="subscription_id", how="left")
    assert both[FEATURE].null_count() < len(both)
    assert both.filter(~pl.col(FEATURE).eq_missing(pl.col("share"))).is_empty()


def test_feast_knows_it(built: Built) -> None:
    repository = OperatorRepository(built.home)
    defined = runpy.run_path(str(repository.directory / "definitions.py"))
    names = {
        getattr(one, "name", "") for name, one in defined.items() if name.startswith("object_")
    }
    assert {VIEW, *VIEWS} <= names
    assert repository.plan() == []
    known = newest(built.home).drop_nulls(FEATURE).head(3)
    times = np.full(len(known), np.datetime64(built.report.at.replace(tzinfo=None), "us"))
    matrix = repository.historical("churn_v1", known["subscription_id"].to_list(), times)
    assert matrix.shape[1] == len(repository.catalogue.columns("churn_v1"))
    assert matrix[:, -1].tolist() == known[FEATURE].to_list()


def test_it_is_served_and_shown(built: Built) -> None:
    known = newest(built.home).drop_nulls(FEATURE)
    service = open_service(built.home, "churn_v1", ONLINE)
    matrix, _ = read(service, known["subscription_id"].to_list())
    assert matrix[:, service.features.index(FEATURE)].tolist() == known[FEATURE].to_list()
    someone = known.row(0, named=True)
    shown = read_profile(built.home, "churn_v1", someone["subscription_id"], ONLINE, NIGHT).features
    assert (shown[-1].feature.name, shown[-1].value) == (FEATURE, someone[FEATURE])
    text = features_section(OperatorRepository(built.home).catalogue)
    assert f"### {VIEW}\n\nby subscription · in `churn_v1` · the home's own" in text
    assert f"| `{FEATURE}` | share | usage |" in text


def test_versions_trained_before_go_on(built: Built, night_operator: Path, tmp_path: Path) -> None:
    home = copy_of(built, tmp_path)
    (entry, *_) = (one for one in list_versions(home) if one.name == "churn")
    version = load_registered(entry.address(home)).model
    assert FEATURE not in version.features
    run = score_everybody(home, CONFIG, clock=clock_at(NIGHT), online=ONLINE, model="churn")
    (facts,) = run.sets
    assert facts.entities > 0
    untouched = Home(shutil.copytree(night_operator / "home", tmp_path / "untouched"))
    other = score_everybody(untouched, CONFIG, clock=clock_at(NIGHT), online=ONLINE, model="churn")
    scores = [
        pq.read_table((one.folder or tmp_path) / "churn.parquet", columns=["probability"])
        for one in (run, other)
    ]
    assert scores[0].equals(scores[1])
    assert not [
        one for one in readiness(home, version, ONLINE) if one.rule in ("columns", "online")
    ]
    follower = ModelFollower(home, ONLINE, clock_at(NIGHT), for_many=False)
    follower.refresh()
    served = follower.current().models["churn"]
    assert served.online.features == version.features
    # Facts about a customer are not a model's.
    assert FEATURE in (follower.current().people.lines or served.online).features


def test_a_version_trained_on_it_gives_reasons_in_every_language(
    built: Built, tmp_path: Path
) -> None:
    home = copy_of(built, tmp_path)
    register_champion(home, make_operator_version(home, CHURN, driven_by=FEATURE))
    lines = pl.read_parquet(OperatorRepository(home).tables / "contract" / "newest.parquet")
    prepaid = lines.filter(pl.col("billing_type_code") == BILLING_TYPES.index("prepaid"))
    known = newest(home).filter(pl.col(FEATURE) > 0).join(prepaid, on="subscription_id", how="semi")
    line = known.row(0, named=True)
    percent = f"{line[FEATURE] * 100:.0f}"
    request = {"subscription_ids": [line["subscription_id"]], "models": ["churn"], "reasons": 10}
    sentences = {
        "en": f"{percent}% of the top-ups of the last eight weeks were made in a store",
        "zh-Hans": f"最近八周的充值有{percent}%在营业厅完成",
        "zh-Hant": f"最近八週的儲值有{percent}%在營業廳完成",
    }
    with serving(ModelFollower(home, ONLINE, clock_at(NIGHT), for_many=False)) as caller:
        for language, text in sentences.items():
            answer = predict(caller, request, **{"Accept-Language": language})
            reasons = [
                reason for prediction in answer["predictions"] for reason in prediction["reasons"]
            ]
            (told,) = {one["text"] for one in reasons if one["feature"] == FEATURE}
            assert told == text
        write_example(home, sql=example_sql().replace("56 DAY", "7 DAY"))
    follower = ModelFollower(home, ONLINE, clock_at(NIGHT), for_many=False)
    follower.refresh()
    assert "put back the SQL of recharge_place.toml" in follower.current().problems["churn"]
    shutil.rmtree(home.features / "own")
    with pytest.raises(ModelError, match=r"put back recharge_place\.toml"):
        score_everybody(home, CONFIG, clock=clock_at(NIGHT), online=ONLINE, model="churn")
    (version,) = (
        load_registered(one.address(home)).model
        for one in list_versions(home)
        if one.name == "churn" and "champion" in one.aliases
    )
    assert any("put back" in str(finding) for finding in readiness(home, version, ONLINE))


@pytest.mark.parametrize(
    ("toml", "sql", "rule"),
    [
        (None, ("channel = 'store'", "channell = 'store'"), "Binder Error"),
        (
            None,
            ("\nGROUP BY asked.subscription_id", "\nGROUP BY 1, recharges.happened_at"),
            "one row",
        ),
        (None, ("THEN 1 ELSE 0", "THEN 2 ELSE 2"), "within its minimum and maximum"),
        (None, ("FROM asked", "FROM port_requests AS asked"), "line 5: must read asked"),
        (("tables =", "table ="), None, "tables: Field required"),
        (("No top-up in the", "{no} top-up in the"), None, "must have no other gaps"),
    ],
)
def test_a_build_with_a_wrong_file_ends_before_anything_is_replaced(
    toml: tuple[str, str] | None,
    sql: tuple[str, str] | None,
    rule: str,
    built: Built,
    tmp_path: Path,
) -> None:
    home = copy_of(built, tmp_path)
    before = written(home)
    write_example(
        home,
        toml=None if toml is None else example_toml().replace(*toml),
        sql=None if sql is None else example_sql().replace(*sql),
    )
    with pytest.raises(InputError, match=r"recharge_place\.(toml|sql)") as error:
        build_features(home, FEATURES, now=NIGHT)
    assert rule in str(error.value)
    assert written(home) == before


def test_a_customer_s_feature_is_for_both_models(built: Built, tmp_path: Path) -> None:
    """It comes beside another one, and no version is lost."""
    home = copy_of(built, tmp_path)
    toml = (
        example_toml()
        .replace('"subscription"', '"customer"')
        .replace('["recharges"]', '["interactions"]')
        .replace("own_store_recharge_share_56d", "own_wrote")
        .replace('"share"', '"yes or no"')
        .replace('kind = "amount", show = "percent"', 'kind = "flag"')
        .replace("none =", "no =")
        .replace("some =", "yes =")
    )
    sql = "SELECT customer_id, max(interaction_id IS NOT NULL) AS own_wrote FROM interactions GROUP BY 1"
    write_example(home, name="wrote", toml=toml, sql=sql)
    catalogue = OperatorRepository(home).catalogue
    assert catalogue.columns("churn_v1")[-2:] == (FEATURE, "own_wrote")
    assert catalogue.columns("dissatisfaction_v1")[-1] == "own_wrote"
    wrong = check_home(home)
    assert [fault.rule.split(";")[0] for fault in wrong.faults] == [
        "must give rows of customers in asked alone"
    ]
    write_example(
        home,
        name="wrote",
        toml=toml,
        sql=sql.replace("FROM", "FROM asked JOIN").replace(" GROUP", " USING (customer_id) GROUP"),
    )
    assert check_home(home).faults == ()
    build_features(home, FEATURES, now=NIGHT)
    materialize_features(home)
    service = open_service(home, "dissatisfaction_v1", ONLINE)
    rows = pl.read_parquet(OperatorRepository(home).tables / "own_wrote" / "newest.parquet")
    values, _ = read(service, rows["customer_id"].to_list())
    assert np.nansum(values[:, -1]) == rows["own_wrote"].sum() > 0
    follower = ModelFollower(home, ONLINE, clock_at(NIGHT), for_many=False)
    follower.refresh()
    assert follower.current().problems == {}
    assert OperatorRepository(built.home).catalogue.own != catalogue.own


def test_it_is_tried_at_the_midnight_of_the_home_s_zone(
    night_operator: Path, tmp_path: Path
) -> None:
    home = Home(Path(shutil.copytree(night_operator / "home", tmp_path / "home")))
    _, sql = write_template(home.features / OWN_DIRECTORY, "hour")
    sql.write_text(
        "SELECT asked.subscription_id, max(hour(asked.cutoff)) + 0 * count(recharges.amount) AS own_hour_28d"
        " FROM asked LEFT JOIN recharges ON recharges.subscription_id = asked.subscription_id"
        " GROUP BY asked.subscription_id"
    )
    for zone, hour in (("UTC", 0), ("Asia/Shanghai", 16)):
        note = OperatorRepository(home).directory / "time_zone.json"
        note.write_text(json.dumps({"time_zone": zone}))
        checked = check_home(home)
        assert checked.faults == ()
        (feature,) = checked.features
        assert (feature.minimum, feature.maximum) == (hour, hour)
