"""A shadow: served while its model has no champion, by a version that misses nothing but evidence."""

from functools import partial

import pytest
from typer.testing import CliRunner

from commands import models as model_commands
from holdfast.errors import InputError
from holdfast.home import Home
from models.registry import find_served, find_version
from pipeline import promote
from tests.builders.clocks import clock_at
from tests.builders.registry import ONLINE, aliases, promote_model, registered
from training.evaluation.leaks import Flag
from training.release.tracking import Tracking
from training.settings import GateSettings

MORE_THAN_THERE_ARE = GateSettings(fewest_positives=300)

shadow_model = partial(
    promote.promote_model,
    shadow=True,
    gate=MORE_THAN_THERE_ARE,
    online=ONLINE,
    clock=clock_at(),
)


def test_one_that_only_lacks_positives_is_served_as_shadow_until_there_is_a_champion(
    home: Home, tracking: Tracking, name: str
) -> None:
    number = registered(tracking, name)
    promotion = shadow_model(home, name)
    assert {reason.rule for reason in promotion.verdict.reasons} == {"positives"}
    assert (promotion.shadow, promotion.champion) == (True, False)
    assert aliases(home, name) == {"challenger": number, "shadow": number}
    ((served, alias),) = find_served(home, (name, "other"))
    assert (served.number, alias) == (number, "shadow")

    promote_model(home, name)
    assert aliases(home, name) == {"champion": number}
    ((served, alias),) = find_served(home, (name, "other"))
    assert (served.number, alias) == (number, "champion")


def test_one_that_misses_another_rule_becomes_no_shadow(
    home: Home, tracking: Tracking, name: str
) -> None:
    number = registered(tracking, name, flags=(Flag("x", "id_like", 1.0),))
    promotion = shadow_model(home, name)
    assert {reason.rule for reason in promotion.verdict.reasons} == {"positives", "leaks"}
    assert not promotion.shadow
    assert aliases(home, name) == {"challenger": number}


def test_beside_a_champion_there_is_no_shadow(home: Home, tracking: Tracking, name: str) -> None:
    registered(tracking, name)
    promote_model(home, name)
    registered(tracking, name)
    with pytest.raises(InputError, match="is for a model without champion; version 1 is champion"):
        shadow_model(home, name)
    assert aliases(home, name) == {"champion": "1", "challenger": "2"}


def test_the_command_names_the_shadow_and_keeps_the_verdict(
    home: Home, tracking: Tracking, name: str
) -> None:
    number = registered(tracking, name)
    arguments = ["promote", "--model", name, "--home", str(home.root)]
    environment = {"HOLDFAST_GATE_FEWEST_POSITIVES": "300"}
    refused = CliRunner().invoke(model_commands.app, arguments, env=environment)
    assert refused.exit_code == 3
    command = f"holdfast models promote {number} --model {name} --shadow --home {home.root}"
    assert command in refused.output
    told = CliRunner().invoke(model_commands.app, [*arguments, "--shadow"], env=environment)
    assert told.exit_code == 0, told.output
    assert "250 positives in the test period; at least 300 are needed" in told.output
    assert f"shadow {name} version {number} is scored and served, marked as shadow" in told.output
    assert promote.show_model(home, name, "shadow").verdicts[-1]["passed"] is False
    assert find_version(home, name, "shadow").number == number
    (listed,) = (version for version in promote.list_models(home) if version.name == name)
    assert (listed.gate, listed.aliases) == ("refused", ("challenger", "shadow"))
