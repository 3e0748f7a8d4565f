"""Everybody's scores page by page, and what has changed, over an operator's real nights."""

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from starlette.testclient import TestClient

from features.fields import VIEWS
from features.online.service import OPERATOR_DIRECTORY, online_directory
from features.packed.store import PackedStore
from holdfast.clock import system_clock
from holdfast.home import Home
from models.feed.files import FeedFiles
from models.settings import ScoreSettings
from models.targets import TARGETS
from pipeline.night.score import ScoreRun, score_everybody
from serving.access.key_store import KeyStore
from serving.contract.cursor import Cursor
from serving.contract.scores import ScoresAnswer
from serving.served.follower import ModelFollower
from tests.builders.clocks import clock_at
from tests.builders.night import CONFIG, NIGHT, ONLINE, make_operator_version, register_champion
from tests.builders.served_home import predict, problem, serving


@pytest.fixture
def home(operator_home: Home, tmp_path: Path) -> Home:
    """The scored operator's home again, to be changed."""
    return Home(Path(shutil.copytree(operator_home.root, tmp_path / "home")))


def scores(caller: TestClient, *, secret: str | None = None, **parameters: str) -> ScoresAnswer:
    """An answer, checked against the contract."""
    headers = {} if secret is None else {"Authorization": f"Bearer {secret}"}
    response = caller.get("/v1/scores", params=parameters, headers=headers)
    assert response.status_code == 200, response.text
    answer: ScoresAnswer = TypeAdapter(ScoresAnswer).validate_json(
        response.content, strict=True, extra="forbid"
    )
    return answer


def export(caller: TestClient, limit: int = 1_000, **parameters: str) -> list[ScoresAnswer]:
    """All answers of a full export."""
    answers = [scores(caller, limit=str(limit), **parameters)]
    while answers[-1]["more"]:
        answers.append(scores(caller, limit=str(limit), since=answers[-1]["next"], **parameters))
    return answers


def rows(answers: list[ScoresAnswer]) -> list[dict[str, Any]]:
    return [dict(one) for answer in answers for one in answer["scores"]]


def test_an_export_holds_all_that_the_night_scored_as_predictions_have_it(
    operator: TestClient, operator_home: Home
) -> None:
    (folder,) = operator_home.score_sets.glob("at=*")
    answers = export(operator, limit=70)
    exported = rows(answers)
    stored = sum(
        pq.read_metadata(folder / f"{one}.parquet").num_rows for one in ("churn", "csat_low")
    )
    assert len(exported) == stored
    manifests = [answer["manifest"] for answer in answers]
    assert all(one == manifests[0] for one in manifests)
    assert manifests[0]["scores"] == stored == sum(one["scores"] for one in manifests[0]["models"])
    assert [(one["model"], one["version"], one["marks"]) for one in manifests[0]["models"]] == [
        ("churn", "1", []),
        ("csat_low", "1", []),
    ]
    assert {one["change"] for one in exported} == {"scored"}
    explained = [one for one in exported if one["reasons"]]
    assert explained
    for one in explained[:20]:
        line = one["subscription_id"]
        asked = {"subscription_ids": [line]} if line else {"customer_ids": [one["customer_id"]]}
        asked |= {"models": [one["model"]], "horizons_days": [one["horizon_days"]]}
        (same,) = predict(operator, asked)["predictions"]
        # Contributions of one row and of many are added up in another order.
        for reason, other in zip(one["reasons"], same["reasons"], strict=True):
            assert reason == {**other, "contribution": pytest.approx(other["contribution"])}
        assert one == {**same, "reasons": one["reasons"], "change": "scored"}


def test_nothing_has_changed_until_another_night(operator: TestClient) -> None:
    last = export(operator)[-1]
    again = scores(operator, since=last["next"])
    assert (again["scores"], again["more"]) == ([], False)


def test_reasons_are_in_the_language_asked(operator: TestClient) -> None:
    named = rows(export(operator, language="zh-Hans"))
    response = operator.get("/v1/scores", headers={"Accept-Language": "zh-CN"})
    assert response.headers["content-language"] == "zh-Hans"
    assert response.json()["scores"] == named[: len(response.json()["scores"])]
    texts = [reason["text"] for one in named for reason in one["reasons"]]
    assert texts
    assert all(any("一" <= letter <= "鿿" for letter in text) for text in texts)
    assert not any(one["reasons"] for one in rows(export(operator, reasons="0")))


@pytest.mark.parametrize(
    ("parameters", "detail"),
    [
        ({"limit": "0"}, "limit: must be greater than or equal to 1"),
        ({"limit": "1001"}, "limit: must be 1 to 1000"),
        ({"limit": "many"}, "limit: must be a valid integer"),
        ({"reasons": "-1"}, "reasons: must be greater than or equal to 0"),
        ({"models": "chrun"}, "models[0]: must be one that the night scores (churn, csat_low)"),
        ({"models": "contact_csat_low"}, "models[0]: must be one that the night scores"),
        ({"language": "xx"}, "language"),
        ({"since": "tomorrow"}, "since: must be the `next` of an earlier answer"),
        ({"since": ""}, "since: must be the `next` of an earlier answer"),
        ({"customer_id": "000001"}, "customer_id: is not a field of this request"),
    ],
)
def test_wrong_parameters_are_refused(
    operator: TestClient, parameters: dict[str, str], detail: str
) -> None:
    document = problem(operator.get("/v1/scores", params=parameters), 422)
    assert detail in document["detail"]


PARAMETERS = st.sampled_from(["since", "limit", "models", "language", "reasons"]) | st.text(
    max_size=5
)
NUMBERS = st.integers(0, 300) | st.sampled_from([-1, int(NIGHT.timestamp()), 2**62, 2**70])
VALUES = (
    st.text(max_size=30)
    | st.integers(-5, 10**30).map(str)
    | st.sampled_from(["churn", "churn,", "zh-TW", "1", "1e3", "\x00", "[[[["])
    # What may be forged of a cursor of the home's feed: other places, and models.
    | st.builds(
        Cursor,
        st.just(""),
        NUMBERS,
        NUMBERS,
        st.none() | st.lists(st.text(max_size=8), max_size=3).map(tuple),
        st.none() | NUMBERS,
    )
)


@settings(max_examples=150)
@given(st.lists(st.tuples(PARAMETERS, VALUES), max_size=3))
def test_whatever_is_asked_is_answered_or_refused(
    operator: TestClient, operator_home: Home, parameters: list[tuple[str, str | Cursor]]
) -> None:
    newest = FeedFiles(operator_home.score_feed).newest()
    assert newest is not None
    asked = [
        (name, replace(value, feed=newest.feed).encode() if isinstance(value, Cursor) else value)
        for name, value in parameters
    ]
    response = operator.get("/v1/scores", params=asked)
    if response.status_code != 200:
        assert problem(response, response.status_code)["code"] in (
            "invalid_request",
            "cursor_expired",
        )


def test_a_parameter_stands_once(operator: TestClient) -> None:
    document = problem(operator.get("/v1/scores?limit=1&limit=2"), 422)
    assert document["detail"] == "limit: must stand once"


def score(home: Home, **settings: Any) -> ScoreRun:
    config = CONFIG.model_copy(update={"scores": ScoreSettings(**settings)})
    return score_everybody(home, config, clock=clock_at(NIGHT), online=ONLINE)


def test_a_retraining_reports_only_whom_it_scores_otherwise(home: Home) -> None:
    version = make_operator_version(home, TARGETS["churn"], seed=2)
    with serving(ModelFollower(home, ONLINE, clock_at(NIGHT))) as caller:
        before = export(caller)
        register_champion(home, version)
        run = score(home)
        answers = [scores(caller, since=before[-1]["next"])]
        now = rows(export(caller))
    changed = rows(answers)
    assert 0 < len(changed) < len(now)
    assert {one["model"] for one in changed} == {"churn"}
    assert sum(run.changes["churn"].values()) == len(changed)
    assert {one["version"] for one in changed} == {"2"}
    versions = [(one["model"], one["version"]) for one in answers[0]["manifest"]["models"]]
    assert versions == [("churn", "2"), ("csat_low", "1")]
    kept = {key_of(one): one for one in rows(before)} | {key_of(one): one for one in changed}
    assert kept.keys() == {key_of(one) for one in now}
    for one in now:
        held = kept[key_of(one)]
        assert abs(held["probability"] - one["probability"]) < CONFIG.feed.step
        assert held["band"] == one["band"]


def key_of(one: dict[str, Any]) -> tuple[Any, ...]:
    return one["model"], one["subscription_id"], one["customer_id"], one["horizon_days"]


def test_who_is_left_out_from_now_on_is_a_tombstone(home: Home) -> None:
    tracking = register_champion(home, make_operator_version(home, TARGETS["csat_low"], seed=3))
    assert tracking == "2"
    with serving(ModelFollower(home, ONLINE, clock_at(NIGHT))) as caller:
        before = export(caller, models="csat_low")
        withdraw(home, "csat_low")
        score(home)
        (answer,) = export(caller, since=before[-1]["next"])
        rest = export(caller)
        asked = problem(caller.get("/v1/scores", params={"models": "csat_low"}), 422)
    gone = rows([answer])
    assert {key_of(one) for one in gone} == {key_of(one) for one in rows(before)}
    for one in gone:
        assert (one["change"], one["probability"], one["band"]) == ("excluded", None, None)
        assert (one["reasons"], one["scored_at"]) == ([], None)
        assert one["error"] is not None
        assert one["error"]["code"] == "not_predicted"
    assert {one["model"] for one in rows(rest)} == {"churn"}
    assert "must be one that the night scores (churn)" in asked["detail"]


def withdraw(home: Home, model: str) -> None:
    """Take the champion's alias from a model."""
    from tests.builders.registry import registry_client

    registry_client(home).delete_registered_model_alias(model, "champion")


def test_marketing_is_told_nothing_of_who_objects(home: Home) -> None:
    someone = next(
        one
        for one in pq.read_table(next(home.score_sets.glob("at=*/churn.parquet"))).to_pylist()
        if not one["marks"]
    )["customer_id"]
    keys = KeyStore(home, system_clock)
    secrets = {
        purpose: keys.create(purpose, [f"predictions:{purpose}"]).secret
        for purpose in ("service", "marketing")
    }
    object_to_profiling(home, someone)
    with serving(ModelFollower(home, ONLINE, clock_at(NIGHT))) as caller:
        for_service = scores(caller, secret=secrets["service"])["scores"]
        for_marketing = scores(caller, secret=secrets["marketing"])["scores"]
        document = problem(caller.get("/v1/scores"), 401)
    assert document["code"] == "unauthorized"
    objecting = 0
    for one, other in zip(for_service, for_marketing, strict=True):
        if "profiling_objection" not in one["marks"]:
            assert one == other
            continue
        objecting += one["customer_id"] == someone
        assert other == {
            **one,
            "probability": None,
            "band": None,
            "reasons": [],
            "scored_at": None,
            "error": {
                "code": "profiling_objection",
                "detail": "the customer objects to profiling: for service care only",
            },
            "change": "marks",
        }
    assert objecting


def object_to_profiling(home: Home, customer: str) -> None:
    store = PackedStore(online_directory(home.features / OPERATOR_DIRECTORY))
    columns = VIEWS["consent_live"].columns
    values, _ = store.read("consent_live", columns, [customer])
    values[0, columns.index("profiling_objection")] = 1
    now = np.array([NIGHT.replace(tzinfo=None)], "datetime64[us]")
    store.write("consent_live", columns, [customer], now, values)


def test_traffic_data_without_consent_is_no_basis_for_marketing(home: Home) -> None:
    with serving(ModelFollower(home, ONLINE, clock_at(NIGHT))) as caller:
        last = export(caller)[-1]["next"]
    run = score(home, traffic_consent=True)
    assert run.changes["churn"]["marks"] > 0
    secret = KeyStore(home, system_clock).create("m", ["predictions:marketing"]).secret
    with serving(ModelFollower(home, ONLINE, clock_at(NIGHT))) as caller:
        answer = scores(caller, secret=secret, since=last)
    codes = {one["error"] and one["error"]["code"] for one in answer["scores"]}
    assert codes <= {"no_basis", "profiling_objection", None}
    assert "no_basis" in codes


def test_old_scores_are_stale_and_older_ones_are_withheld(home: Home) -> None:
    home.clock.unlink(missing_ok=True)
    for days, stale, code in ((10, True, None), (60, True, "features_too_old")):
        later = clock_at(NIGHT + timedelta(days=days))
        with serving(ModelFollower(home, ONLINE, later)) as caller:
            one = scores(caller, limit="1")["scores"][0]
        assert one["stale"] is stale
        assert (one["error"] and one["error"]["code"]) == code
        assert (one["probability"] is None) == (code is not None)
        assert one["warnings"][0].startswith(f"the features are {days + 1}.0 days old")


def test_an_expired_cursor_names_the_export_and_its_page(home: Home) -> None:
    home.clock.unlink(missing_ok=True)
    with serving(ModelFollower(home, ONLINE, clock_at(NIGHT))) as caller:
        last = export(caller)[-1]["next"]
    with serving(ModelFollower(home, ONLINE, clock_at(NIGHT + timedelta(days=31)))) as caller:
        document = problem(caller.get("/v1/scores", params={"since": last}), 410)
        path, _, code = document["type"].partition("#")
        page = caller.get(path).text
    assert code == document["code"] == "cursor_expired"
    assert "`GET /v1/scores` without `since`" in document["detail"]
    assert f'<a id="{code}"></a>' in page


def test_a_home_without_a_night_says_so(home: Home) -> None:
    shutil.rmtree(home.score_feed)
    with serving(ModelFollower(home, ONLINE, clock_at(NIGHT))) as caller:
        assert problem(caller.get("/v1/scores"), 409)["code"] == "no_scores"


def test_a_damaged_feed_is_said_to_be_unreadable_without_its_path(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    files = FeedFiles(home.score_feed)
    (number,) = files.numbers()
    (home.score_feed / f"{number:06d}.json").write_text("{")
    with serving(ModelFollower(home, ONLINE, clock_at(NIGHT))) as caller:
        document = problem(caller.get("/v1/scores"), 503)
    assert str(home.root) not in document["detail"]
    assert "must be the facts of a score feed" in caplog.text


@pytest.mark.parametrize("ending", ["json", "parquet"])
def test_the_next_run_makes_a_damaged_feed_anew(home: Home, ending: str) -> None:
    with serving(ModelFollower(home, ONLINE, clock_at(NIGHT))) as caller:
        last = export(caller)[-1]["next"]
    (damaged,) = home.score_feed.glob(f"*.{ending}")
    damaged.write_bytes(damaged.read_bytes()[:-20])
    with serving(ModelFollower(home, ONLINE, clock_at(NIGHT))) as caller:
        problem(caller.get("/v1/scores"), 503)
        score(home)
        assert export(caller)
        problem(caller.get("/v1/scores", params={"since": last}), 410)


def test_scores_are_reported_once_however_often_they_are_made(home: Home) -> None:
    files = FeedFiles(home.score_feed)
    before = files.newest()
    assert score(home).changes == (before and before.changes)
    assert files.newest() == before
    # A run that was killed before it could write the feed.
    shutil.rmtree(home.score_feed)
    run = score(home)
    assert len(run.unchanged) == 3
    again = files.newest()
    assert again is not None
    assert before is not None
    assert again.models == before.models


def test_an_older_snapshot_changes_nothing(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    files = FeedFiles(home.score_feed)
    before = files.newest()
    monkeypatch.setattr(
        "pipeline.night.score.snapshot_time", lambda repository: NIGHT - timedelta(days=8)
    )
    score(home)
    assert files.newest() == before
