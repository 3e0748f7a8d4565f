import json
from typing import Any

import pytest

from holdfast.errors import InputError
from models.reasons.meaning import (
    TABLE_DRIVER,
    FeatureMeaning,
    meanings_from_json,
    meanings_to_json,
)

DROPS = FeatureMeaning(
    "drop_days_7d",
    "Days with a dropped call in 7 days",
    "days",
    "network",
    True,
    "increasing",
    "drops",
)


def test_meanings_travel_as_json_in_order() -> None:
    meanings = (DROPS, FeatureMeaning.of_column("套餐"))
    assert meanings_from_json(json.loads(json.dumps(meanings_to_json(meanings)))) == meanings


def test_a_column_of_a_teams_own_is_its_own_reason() -> None:
    column = FeatureMeaning.of_column("fee", "Monthly fee")
    assert (column.reason, column.driver, column.actionable, column.about) == (
        "fee",
        TABLE_DRIVER,
        False,
        "Monthly fee",
    )


@pytest.mark.parametrize(
    "changed, field",
    [
        ({"unit": None}, "meaning.unit"),
        ({"actionable": "yes"}, "meaning.actionable"),
        ({"direction": "up"}, "meaning.direction"),
        ({"colour": "red"}, "meaning.colour"),
    ],
)
def test_a_damaged_meaning_is_named(changed: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError) as caught:
        FeatureMeaning.from_json({**DROPS.to_json(), **changed})
    assert caught.value.field == field


@pytest.mark.parametrize("document", [None, {}, [1]])
def test_features_json_must_be_a_list_of_objects(document: object) -> None:
    with pytest.raises(InputError):
        meanings_from_json(document)
