"""Promoting through the gate and rolling back, with a real registry."""

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from commands import models as model_commands
from holdfast.errors import InputError, ModelError
from holdfast.home import Home
from models.registry import (
    find_version,
    load_champion,
    moves,
)
from pipeline.promote import list_models, show_model
from tests.builders.clocks import NOW
from tests.builders.gate_documents import FEATURES
from tests.builders.model_versions import (
    NOBODY,
    against,
    booster_files,
    make_version,
    publish_features,
)
from tests.builders.registry import (
    RECORD,
    Dying,
    Killed,
    aliases,
    calls_until_done,
    promote_model,
    registered,
    rollback_model,
    would_pass,
)
from training.evaluation.leaks import Flag
from training.release.facts import TRAINING
from training.release.promotion import GATE, Promotions, verdicts
from training.release.tracking import Tracking


def test_the_first_one_that_passes_is_champion(home: Home, tracking: Tracking, name: str) -> None:
    number = registered(tracking, name)
    assert would_pass(home, name).passed
    assert aliases(home, name) == {"challenger": number}
    promotion = promote_model(home, name)
    assert (promotion.verdict.passed, promotion.verdict.reasons) == (True, ())
    assert promotion.champion_before is None
    assert aliases(home, name) == {"champion": number}
    assert load_champion(home, name).number == number
    (recorded,) = verdicts(find_version(home, name, number).tags)
    assert (recorded["passed"], recorded["champion"]) == (True, None)
    with pytest.raises(InputError, match="must not be the champion"):
        promote_model(home, name, number)


def test_the_champion_becomes_the_previous_one_and_can_come_back(
    home: Home, tracking: Tracking, name: str
) -> None:
    registered(tracking, name)
    promote_model(home, name)
    registered(tracking, name, against("1"))
    assert aliases(home, name) == {"champion": "1", "challenger": "2"}
    assert promote_model(home, name).to_json()["promoted"] is True
    assert aliases(home, name) == {"champion": "2", "previous": "1"}
    back = rollback_model(home, name)
    assert (back.was, back.number) == ("2", "1")
    assert aliases(home, name) == {"champion": "1", "previous": "2"}
    assert [move["how"] for move in moves(find_version(home, name, "1").tags)] == [
        "gate",
        "rollback",
    ]
    rollback_model(home, name)
    assert aliases(home, name) == {"champion": "2", "previous": "1"}


def test_cards_say_which_version_is_champion_after_each_change(
    home: Home, tracking: Tracking, name: str
) -> None:
    def standing() -> list[str]:
        cards = [home.reports / f"{name}_{number}.md" for number in ("1", "2")]
        return [card.read_text().splitlines()[2].split(".")[0] for card in cards]

    registered(tracking, name)
    promote_model(home, name)
    registered(tracking, name, against("1"))
    promote_model(home, name)
    assert standing() == ["It is previous", "It is champion"]
    rollback_model(home, name)
    assert standing() == ["It is champion", "It is previous"]


def test_one_compared_with_another_champion_is_refused_and_the_reason_kept(
    home: Home, tracking: Tracking, name: str
) -> None:
    for champion in (NOBODY, against("1"), against("1")):
        registered(tracking, name, champion)
    promote_model(home, name, "1")
    promote_model(home, name, "2")
    promotion = promote_model(home, name, "3")
    (reason,) = promotion.verdict.reasons
    assert (
        reason.message
        == "it was compared with version 1, but version 2 is champion now: train again"
    )
    assert aliases(home, name) == {"champion": "2", "previous": "1", "challenger": "3"}
    entry = find_version(home, name, "3")
    assert verdicts(entry.tags)[-1]["reasons"] == [reason.to_json() | {"message": reason.message}]
    assert reason.message not in entry.tags[GATE]  # what is stored has no language
    earlier = {"at": "", "passed": False, "explained": {}, "champion": None}
    earlier["reasons"] = [{"rule": "slope", "where": "", "message": "as it was stored before"}]
    (read,) = verdicts({GATE: json.dumps([earlier])})
    assert read["reasons"][0]["message"] == "as it was stored before"
    for card in (
        entry.address(home).directory.parent / "model_card.md",
        home.root / "reports" / f"{name}_3.md",
    ):
        assert reason.message in card.read_text(encoding="utf-8")


@pytest.mark.parametrize("after", [False, True])
def test_killed_while_promoting_there_is_a_champion_and_the_next_run_completes(
    home: Home, tracking: Tracking, name: str, after: bool
) -> None:
    for _ in range(3):
        registered(tracking, name)
    promotions = tracking.promotions
    now = NOW
    for number in ("1", "2"):
        promotions.move(name, number, "gate", now)

    def act(call: int) -> None:
        promotions.move(name, "2", "rollback", now)
        assert aliases(home, name)["champion"] == "2"
        try:
            Promotions(Dying(tracking._client, call, after)).move(name, "3", "gate", now)
        except Killed:
            pointed_to = aliases(home, name)
            assert pointed_to["champion"] in ("2", "3")
            promotions.settle(name)
            if pointed_to["champion"] == "3":
                assert aliases(home, name) == {"champion": "3", "previous": "2"}
            promotions.move(name, "3", "gate", now)
            assert aliases(home, name) == {"champion": "3", "previous": "2"}
            raise

    assert calls_until_done(act) >= 4
    assert aliases(home, name) == {"champion": "3", "previous": "2"}


def test_quickstart_sets_its_champion_ungated_and_can_be_rolled_back(
    home: Home, tracking: Tracking, name: str
) -> None:
    for _ in range(2):
        tracking.set_champion_ungated(name, registered(tracking, name))
    assert aliases(home, name) == {"champion": "2", "previous": "1"}
    assert [version.gate for version in list_models(home) if version.name == name] == [
        "ungated",
        "ungated",
    ]
    registered(tracking, name)
    # Of the same table, so that it has to be compared with it.
    assert [reason.rule for reason in promote_model(home, name).verdict.reasons] == ["champion"]
    registered(tracking, name, against("2"))
    assert promote_model(home, name).verdict.passed
    assert aliases(home, name) == {"champion": "4", "previous": "2"}


def test_a_damaged_booster_is_refused(home: Home, tracking: Tracking, name: str) -> None:
    number = registered(tracking, name)
    (path,) = booster_files(home, find_version(home, name, number).address(home).directory)
    path.write_text(path.read_text().replace("tree", "eert", 1))
    (reason,) = promote_model(home, name).verdict.reasons
    assert (reason.rule, "damaged" in reason.message) == ("loads", True)
    assert aliases(home, name) == {"challenger": number}
    assert verdicts(find_version(home, name, number).tags)[-1]["passed"] is False


def test_documents_that_were_tampered_with_are_refused(
    home: Home, tracking: Tracking, name: str
) -> None:
    number = registered(tracking, name, flags=(Flag("x", "id_like", 1.0),))
    path = find_version(home, name, number).address(home).directory / TRAINING
    path.write_text(json.dumps({**json.loads(path.read_text()), "flags": []}))
    assert [reason.rule for reason in promote_model(home, name).verdict.reasons] == ["loads"]
    with pytest.raises(ModelError, match="is damaged"):
        show_model(home, name, number)


def test_a_wrong_cost_of_explaining_is_found_out(home: Home, tracking: Tracking, name: str) -> None:
    registered(tracking, name, explanation_cost={"30": 1, "90": 12})
    (reason,) = promote_model(home, name).verdict.reasons
    assert reason.message == "training.json holds 1 leaves, but the boosters have 12"


@pytest.mark.parametrize(
    "features, rule, words",
    [
        (
            FEATURES[:2],
            "online",
            "feature missing online: dropped_calls_28d; run `holdfast features build`",
        ),
        (
            (*FEATURES, "new_one"),
            "columns",
            "columns changed since training: tiny_v1 online comes with new new_one; train again",
        ),
        (
            FEATURES[::-1],
            "columns",
            "columns changed since training: tiny_v1 online comes in another order; train again",
        ),
    ],
)
def test_features_that_do_not_fit_online_are_named(
    home: Home, tracking: Tracking, name: str, features: tuple[str, ...], rule: str, words: str
) -> None:
    registered(tracking, name)
    promote_model(home, name)
    tracking.set_champion_ungated(name, registered(tracking, name))
    registered(tracking, name, against("2"))
    publish_features(home, features)
    try:
        (reason,) = promote_model(home, name).verdict.reasons
        assert reason.rule == rule
        assert reason.message.startswith(words)
        with pytest.raises(ModelError, match="cannot be served"):
            rollback_model(home, name)
    finally:
        publish_features(home)
    assert aliases(home, name) == {"champion": "2", "previous": "1", "challenger": "3"}


def test_a_service_that_is_not_online_says_what_to_run(
    home: Home, tracking: Tracking, name: str
) -> None:
    model = make_version(name)
    documents = {**model.documents, TRAINING: {**model.documents[TRAINING], "service": "churn_v1"}}
    tracking.register(replace(model, service="churn_v1", documents=documents), RECORD)
    columns, online = promote_model(home, name).verdict.reasons
    assert columns.message.startswith(
        "columns changed since training: the definition of churn_v1 comes without dropped_calls_28d"
    )
    assert "never materialized" in online.message
    assert "run `holdfast features build` and `holdfast features materialize`" in online.message


def test_flags_are_explained_by_a_person_on_record(
    home: Home, tracking: Tracking, name: str
) -> None:
    number = registered(tracking, name, flags=(Flag("tenure_days", "missingness", 0.8),))
    assert [reason.rule for reason in promote_model(home, name).verdict.reasons] == ["leaks"]
    with pytest.raises(
        InputError, match=r"must name a flag of the version \(tenure_days\) \(got 'plan'\)"
    ):
        promote_model(home, name, explained={"plan": "why"})
    assert promote_model(
        home, name, explained={"tenure_days": "null before 2019, for all alike"}
    ).verdict.passed
    recorded = verdicts(find_version(home, name, number).tags)
    assert [verdict["passed"] for verdict in recorded] == [False, True]
    assert recorded[-1]["explained"] == {"tenure_days": "null before 2019, for all alike"}
    assert "Explained: null before 2019" in show_model(home, name).card


def test_uplift_is_evaluated_by_its_experiment(home: Home, tracking: Tracking) -> None:
    model = make_version("uplift_call")
    stored = {
        "actions": [
            {"action": "call", "works": True, "targetable": False, "verdict": "works", "curve": []}
        ]
    }
    number = tracking.register(replace(model, documents={"uplift.json": stored}), RECORD)
    with pytest.raises(
        ModelError,
        match=r"a randomised campaign must show .*action call, works True, targetable False",
    ):
        promote_model(home, "uplift_call", number)
    shown = show_model(home, "uplift_call", number)
    assert shown.to_json()["uplift"] == [
        {"action": "call", "works": True, "targetable": False, "verdict": "works"}
    ]


def run(home: Home, *arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(
        model_commands.app, [*arguments, "--home", str(home.root)], env={"COLUMNS": "200"}
    )
    assert result.exit_code == code, result.output
    return result.stderr if code == 2 else result.stdout


def test_the_commands_say_the_same(home: Home, tracking: Tracking, name: str) -> None:
    registered(tracking, name)
    assert "passed" in run(home, "promote", "--model", name)
    registered(tracking, name, NOBODY)
    refused = json.loads(run(home, "promote", "--model", name, "--json", code=3))
    assert (refused["promoted"], refused["champion_before"], refused["reasons"][0]["rule"]) == (
        False,
        "1",
        "champion",
    )
    assert "Nothing changed: version 1 stays champion" in run(
        home, "promote", "2", "--model", name, code=3
    )
    registered(tracking, name, against("1"))
    assert json.loads(run(home, "promote", "--model", name, "--json"))["promoted"] is True
    listed = [
        version
        for version in json.loads(run(home, "list", "--json"))["versions"]
        if version["name"] == name
    ]
    assert [(version["number"], version["aliases"], version["gate"]) for version in listed] == [
        ("3", ["champion"], "passed"),
        ("2", [], "refused"),
        ("1", ["previous"], "passed"),
    ]
    assert listed[0]["figures"]["auc"] == {"value": 0.74, "low": 0.72, "high": 0.76}
    assert listed[0]["horizon_days"] == 90
    assert name in run(home, "list")
    shown = json.loads(run(home, "show", "--model", name, "--json"))
    assert (shown["number"], shown[TRAINING]["target"]) == ("3", name)
    assert "champion since" in run(home, "show", "3", "--model", name)
    assert run(home, "show", "--card", "--model", name).startswith(
        f"# Model card: {name}, version 3"
    )
    assert (
        json.loads(run(home, "compare", "3", "previous", "--model", name, "--json"))["other"] == "1"
    )
    assert "no differences" in run(home, "compare", "3", "1", "--model", name)
    # As the guide says of the alias of a version that was promoted.
    promoted = run(home, "compare", "challenger", "champion", "--model", name, code=2)
    assert "has no challenger" in promoted
    assert json.loads(run(home, "rollback", "--model", name, "--json"))["model_version"] == "1"
    assert "is champion again" in run(home, "rollback", "--model", name)
    assert "--explain-flag" in run(home, "promote", "--explain-flag", "x", "--model", name, code=2)
