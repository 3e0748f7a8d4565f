"""Arms of a home's campaigns stay what the draw made them, whatever is planned later."""

from datetime import datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from holdfast.errors import InputError
from holdfast.home import Home
from pipeline.care.approve import approve_campaign
from pipeline.care.measure import measure_campaign
from pipeline.care.plan import PlannedCampaign, plan_campaign
from pipeline.care.workspace import CareWorkspace, care_of
from tests.builders.care_home import CAMPAIGN, NOON, SETTINGS
from tests.builders.ledger_rows import ANA
from tests.builders.night import FEATURES
from training.settings import LabelSettings


def noon() -> datetime:
    return NOON


def planned(care: CareWorkspace) -> PlannedCampaign:
    return plan_campaign(care, "calls", FEATURES, noon)


def test_a_later_campaign_treats_both_arms_of_an_earlier_one_alike(home: Home) -> None:
    other = CAMPAIGN.replace("courtesy_call", "bill_explanation")
    (home.care / "campaigns" / "bills.toml").write_text(other, encoding="utf-8")
    catalogue = home.care / "catalogue.toml"
    allowed = catalogue.read_text(encoding="utf-8").replace(
        'actions = ["courtesy_call", "plan_fit_offer"]',
        'actions = ["courtesy_call", "bill_explanation"]',
    )
    catalogue.write_text(allowed, encoding="utf-8")
    settings = SETTINGS.model_copy(update={"contacts_per_household": 1})

    def plan_bills(after: timedelta) -> dict[str, list[list[str]]]:
        """What refuses the households of the first campaign, by their arm there."""
        plan = plan_campaign(care, "bills", FEATURES, lambda: NOON + after)
        rows = pq.read_table(home.care / "plans" / f"{plan.row.plan_id}.parquet").to_pylist()
        reasons: dict[str, list[list[str]]] = {"treatment": [], "control": []}
        for row in rows:
            if row["household_id"] in arms:
                reasons[arms[row["household_id"]]].append(row["reasons"])
        return reasons

    with care_of(home, settings) as care:
        approve_campaign(care, "calls", ANA, planned(care).row.digest[:8], noon)
        arms = {row.household_id: str(row.arm) for _, row in care.ledger.decisions("calls")}
        for refused in plan_bills(timedelta(days=10)).values():
            # Else the control alone would be sent the later campaign's messages.
            assert refused
            assert all("household_cap" in reasons for reasons in refused)
        campaign = home.care / "campaigns" / "bills.toml"
        campaign.write_text(other.replace("05-31", "07-31"), encoding="utf-8")
        for refused in plan_bills(timedelta(days=31)).values():
            assert [reasons for reasons in refused if "household_cap" not in reasons]


def test_no_plan_is_made_with_another_salt_than_that_of_the_ledgers_arms(
    home: Home, tmp_path: Path
) -> None:
    salt = home.care / "salt"
    before = salt.read_text(encoding="utf-8")
    # As on PostgreSQL with a new volume for the home: the ledger stays where the salt is lost.
    settings = SETTINGS.model_copy(update={"ledger": f"sqlite:///{tmp_path}/elsewhere.db"})
    with care_of(home, settings) as care:
        salt.unlink()
        # Any arm will do: with a salt newly drawn, none of these few may be of the control.
        assert planned(care).counts.intended > 0
        drawn = salt.read_text(encoding="utf-8")
        plans = care.ledger.plans()
        salt.unlink()
        with pytest.raises(InputError, match=r"care/salt: must be .* from a backup of the home"):
            planned(care)
        assert not salt.exists()
        with pytest.raises(InputError, match="care/salt"):
            measure_campaign(care, "calls", LabelSettings(), FEATURES, noon)
        salt.write_text(before, encoding="utf-8")
        with pytest.raises(InputError, match=r"care/salt: must be .* from a backup of the home"):
            planned(care)
        assert care.ledger.plans() == plans
        salt.write_text(drawn, encoding="utf-8")
        assert not planned(care).is_new
