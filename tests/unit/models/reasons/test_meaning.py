import json

from holdfast.documents import read_document, to_document
from models.reasons.meaning import MEANINGS, TABLE_DRIVER, FeatureMeaning

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
    document = json.loads(json.dumps([to_document(meaning) for meaning in meanings]))
    assert read_document(tuple[FeatureMeaning, ...], document, MEANINGS) == meanings


def test_a_column_of_a_teams_own_is_its_own_reason() -> None:
    column = FeatureMeaning.of_column("fee", "Monthly fee")
    assert (column.reason, column.driver, column.actionable, column.about) == (
        "fee",
        TABLE_DRIVER,
        False,
        "Monthly fee",
    )
