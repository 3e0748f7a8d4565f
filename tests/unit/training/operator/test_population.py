from pathlib import Path

import pytest

from holdfast.errors import ModelError
from tests.builders.line_tables import CUTOFF, LineTables
from training.operator.population import LABELS, label_settings_of, traffic_consents
from training.settings import LabelSettings

PRESENT = LabelSettings(inactivity_days=90)


def test_a_version_goes_by_the_settings_that_it_was_trained_with() -> None:
    trained = LabelSettings(inactivity_days=56)
    assert label_settings_of({LABELS: trained.model_dump()}, PRESENT) == trained


def test_a_version_that_kept_none_goes_by_the_present_ones() -> None:
    assert label_settings_of({}, PRESENT) == PRESENT


@pytest.mark.parametrize(
    ("document", "field"), [({"inactivity_days": 0}, "inactivity_days"), ({"days": 1}, "days")]
)
def test_damaged_settings_are_refused_by_name(document: object, field: str) -> None:
    with pytest.raises(ModelError, match=f"labels.json: must hold label settings: {field}"):
        label_settings_of({LABELS: document}, PRESENT)


@pytest.mark.parametrize(
    ("said", "consents"),
    [
        ([], False),
        ([("sms", "granted", -9)], True),
        ([("sms", "granted", -9), ("email", "withdrawn", -10)], False),
        ([("email", "withdrawn", -10), ("any", "granted", -9)], True),
        ([("any", "granted", -9), ("email", "withdrawn", -8)], False),
        ([("sms", "withdrawn", -9), ("sms", "granted", -9)], False),
        ([("sms", "granted", -9), ("sms", "withdrawn", 1)], True),
    ],
)
@pytest.mark.parametrize("backwards", [False, True])
def test_traffic_is_consented_to_in_some_channel_and_withdrawn_in_none(
    tmp_path: Path, said: list[tuple[str, str, float]], consents: bool, backwards: bool
) -> None:
    tables = LineTables()
    tables.customer()
    tables.line()
    row = {"customer_id": "c1", "purpose": "traffic_marketing"}
    for arrived, (channel, state, happened) in enumerate(said[:: -1 if backwards else 1]):
        times = (happened, max(happened, arrived - 5))
        tables.add("consents", *times, **row, channel=channel, state=state)
    known = traffic_consents(tables.history(tmp_path), CUTOFF)
    assert known == (frozenset({"c1"}) if consents else frozenset())
