import pytest

from features.views.declaration import LESS_IS_WORSE, MORE_IS_WORSE, NEVER, NOT_KNOWN, Shared

USE = Shared(driver="usage", tables=("usage_weeks",), null=NOT_KNOWN, data_class="traffic")


def test_a_family_has_a_feature_for_each_window() -> None:
    family = USE.family("minutes_{days}d", (7, 28), "minutes", "voice", "Minutes in {days} days")
    assert [(feature.name, feature.about) for feature in family] == [
        ("minutes_7d", "Minutes in 7 days"),
        ("minutes_28d", "Minutes in 28 days"),
    ]
    assert {(feature.unit, feature.reason, feature.driver) for feature in family} == {
        ("minutes", "voice", "usage")
    }


def test_a_field_has_what_its_group_has_but_for_facts_of_its_own() -> None:
    charged = USE.but(driver="price", actionable=True)
    overage = charged.field("overage", "currency", "overage", "Beyond", **MORE_IS_WORSE)
    assert overage.tags == {
        "unit": "currency",
        "driver": "price",
        "actionable": "yes",
        "direction.churn": "increasing",
        "direction.dissatisfaction": "increasing",
        "reason": "overage",
        "live": "no",
        "data_class": "traffic",
        "tables": "usage_weeks",
        "null": "not known",
        "lines": "postpaid,prepaid,fixed",
    }
    assert USE.driver == "usage"
    abroad = USE.field("abroad", "days", "roaming", "Abroad", data_class="location")
    assert (abroad.data_class, abroad.churn, abroad.actionable) == ("location", "none", False)


def test_what_a_missing_value_means_has_no_default() -> None:
    with pytest.raises(TypeError, match="null"):
        Shared(driver="usage", tables=("usage_weeks",))  # type: ignore[call-arg]


def test_only_a_missing_value_that_is_a_fact_has_a_meaning() -> None:
    family = USE.family("used_{days}d", (7, 28), "days", "use", "Used", null="never used")
    assert all(feature.null_has_meaning for feature in family)
    assert not USE.field("used", "days", "use", "Used").null_has_meaning
    assert not USE.field("used", "days", "use", "Used", null=NEVER).null_has_meaning


def test_directions_are_opposite() -> None:
    assert set(MORE_IS_WORSE.values()) == {"increasing"}
    assert set(LESS_IS_WORSE.values()) == {"decreasing"}


def test_a_fact_that_features_do_not_have_is_refused() -> None:
    with pytest.raises(TypeError, match="colour"):
        USE.field("minutes", "minutes", "voice", "Minutes", colour="red")  # type: ignore[call-arg]
