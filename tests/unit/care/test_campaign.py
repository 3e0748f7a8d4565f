"""Files of campaigns: what a comparison rests on is declared, and every mistake is told."""

from pathlib import Path

import pytest

from care.campaign import Campaign, read_campaign
from care.catalogue import DEFAULT_CATALOGUE, read_catalogue
from care.jurisdiction import jurisdiction
from holdfast.errors import InputError

CATALOGUE = read_catalogue(DEFAULT_CATALOGUE, jurisdiction("EU"))
TEXT = """\
action = "courtesy_call"
triggers = ["predicted_risk"]
begins_on = "2026-03-01"
ends_on = "2026-04-30"
control_share = 0.2
outcome_days = 30
most_households = 1000
priority = 1
"""


def read(folder: Path, more: str = "") -> Campaign:
    path = folder / "spring.toml"
    path.write_text(TEXT + more, encoding="utf-8")
    return read_campaign(path, CATALOGUE)


def test_it_is_read_once_unless_it_says_otherwise(tmp_path: Path) -> None:
    campaign = read(tmp_path)
    assert (campaign.outcome, campaign.reading, campaign.look_days) == ("stayed", "once", ())
    assert read(tmp_path, "narrowest_at = 3000\n").reading == "any_day"
    looks = read(tmp_path, 'looks = ["2026-05-01", "2026-06-01"]\n')
    assert looks.reading == "planned_looks"
    assert [str(day) for day in looks.look_days] == ["2026-05-01", "2026-06-01"]


@pytest.mark.parametrize(
    "more, rule",
    [
        ('outcome = "sold"', "spring.toml: outcome: must be 'stayed', 'margin' or"),
        ('looks = ["May"]', "spring.toml: looks: must be days as 2026-01-31"),
        ('looks = ["2026-03-31"]', "must ascend, and lie after 2026-03-31"),
        ('looks = ["2026-06-01", "2026-05-01"]', "must ascend"),
        ("narrowest_at = -1", "spring.toml: narrowest_at: must be 0 or more"),
        ('narrowest_at = 10\nlooks = ["2026-05-01"]', "looks: must be empty where narrowest_at"),
        ('look = ["2026-05-01"]', "spring.toml: look: must be one of"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, more: str, rule: str) -> None:
    with pytest.raises(InputError, match=rule):
        read(tmp_path, more + "\n")
