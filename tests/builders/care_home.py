"""A home with a campaign for everybody, ready to be planned."""

import shutil
from datetime import timedelta
from pathlib import Path

from care.settings import CareSettings
from holdfast.home import Home
from tests.builders.night import NIGHT

NOON = NIGHT + timedelta(hours=12)
SETTINGS = CareSettings(jurisdiction="EU", contacts_per_household=9, offers_per_household=9)
CAMPAIGN = """
action = "courtesy_call"
triggers = ["everybody"]
begins_on = "2025-05-01"
ends_on = "2025-05-31"
control_share = 0.3
outcome_days = 30
most_households = 1000
priority = 1
"""
_EVERYBODY = """
[triggers.everybody]
when = [{ fact = "risk_rank_share", at_most = 1.0 }]
source = "prediction"
actions = ["courtesy_call", "plan_fit_offer"]
valid_days = 7
"""


def care_home(operator: Home, folder: Path) -> Home:
    """A copy of a scored home with the campaign ``calls``."""
    home = Home(Path(shutil.copytree(operator.root, folder)))
    home.care.mkdir()
    (home.care / "salt").write_text("a salt that does not change\n", encoding="utf-8")
    campaigns = home.care / "campaigns"
    campaigns.mkdir()
    (campaigns / "calls.toml").write_text(CAMPAIGN, encoding="utf-8")
    default = Path("care/catalogue.toml").read_text(encoding="utf-8")
    (home.care / "catalogue.toml").write_text(default + _EVERYBODY, encoding="utf-8")
    return home
