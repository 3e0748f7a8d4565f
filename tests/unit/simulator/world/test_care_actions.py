from care.catalogue import DEFAULT_CATALOGUE, read_catalogue
from care.jurisdiction import jurisdiction
from features.contracts.vocabulary import CONTACT_CHANNELS
from simulator.weekly.care_effects import CONDITIONS
from simulator.world.care_actions import ACTIONS, CARE_ACTIONS


def test_each_action_has_a_name_of_its_own_and_known_conditions() -> None:
    assert len(set(ACTIONS)) == len(ACTIONS)
    for action in CARE_ACTIONS:
        assert action.action_class in {"owed", "service", "offer"}
        assert action.channel in CONTACT_CHANNELS
        assert action.cost >= 0
        assert action.cost_if_accepted == 0 or action.is_offer
        assert 0 < action.fade_a_week < 1
        for part in action.helps + action.harms:
            assert part.size > 0
            assert set(part.when) <= set(CONDITIONS)


def test_every_condition_is_of_use() -> None:
    parts = [part for action in CARE_ACTIONS for part in action.helps + action.harms]
    assert {condition for part in parts for condition in part.when} == set(CONDITIONS)


def test_the_actions_of_the_catalogue_can_be_simulated() -> None:
    classes = {action.name: action.action_class for action in CARE_ACTIONS}
    for name, action in read_catalogue(DEFAULT_CATALOGUE, jurisdiction("strict")).actions.items():
        assert classes[name] == action.action_class
