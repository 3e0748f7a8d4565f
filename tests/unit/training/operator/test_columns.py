import pytest

from features.encoding.encoding import Encoding
from features.fields import BUILT_IN, SERVICES, VIEWS
from training.operator.columns import (
    meanings_of,
    null_has_meaning,
    service_documents,
)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_the_columns_of_its_views_in_order(service: str) -> None:
    names = [feature.name for feature in BUILT_IN.features(service)]
    assert names == [name for view in SERVICES[service] for name in VIEWS[view].columns]
    documents = service_documents(service)
    assert documents["columns.json"]["columns"] == names
    encoding = Encoding.from_json(documents["encoding.json"])
    assert [column.feature for column in encoding.columns] == names
    assert [meaning.name for meaning in meanings_of(service, "churn")] == names


def test_features_whose_missing_value_is_a_fact_are_named_in_the_order_given() -> None:
    asked = ("minutes_28d", "last_csat", "contacts_7d", "days_to_commitment_end", "a_team_s_own")
    assert null_has_meaning(asked) == ("last_csat", "days_to_commitment_end")


def test_a_direction_holds_for_the_target_that_it_was_declared_for() -> None:
    (service, *_) = SERVICES
    features = BUILT_IN.features(service)
    assert any(feature.churn != feature.dissatisfaction for feature in features)
    for target in ("churn", "dissatisfaction"):
        declared = [getattr(feature, target) for feature in features]
        assert [meaning.direction for meaning in meanings_of(service, target)] == declared
    assert {meaning.direction for meaning in meanings_of(service, "none")} == {"none"}
