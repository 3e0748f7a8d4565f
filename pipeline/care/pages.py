"""The pages of a campaign in its home, for a person to read: its plan, and its effect."""

import json
from pathlib import Path

from care.campaign import Campaign
from care.ledger.rows import PlanRow
from care.measurement import Measurement
from holdfast.files import write_beside
from holdfast.home import Home
from pipeline.care.workspace import CareWorkspace


def write_plan_page(
    care: CareWorkspace, plan: PlanRow, campaign: Campaign, language: str = "en"
) -> Path:
    """Write the page of a plan as ``care/plans/PLAN.html``; its path.

    Parameters
    ----------
    care : CareWorkspace
        The home's care.
    plan : PlanRow
        The plan.
    campaign : Campaign
        What it is a plan of.
    language : str
        BCP 47 tag of the page's language.
    """
    from reports.care.plan import render_plan
    from reports.words.texts import texts

    page = render_plan(
        *(plan, campaign, care.catalogue),
        care.ledger.approvals.of_plan(plan.plan_id),
        texts(language),
    )
    return _written(care.home.care / "plans" / f"{plan.plan_id}.html", page)


def write_effect(care: CareWorkspace, measured: Measurement, language: str = "en") -> Path:
    """Write what is known of a campaign as ``care/effects/CAMPAIGN.html``, and as JSON beside it; the
    page's path. Parameters as of `write_plan_page`.
    """
    from reports.care.effect import render_effect
    from reports.words.texts import texts

    page = render_effect(measured, texts(language))
    path = effect_page(care.home, measured.campaign.campaign_id)
    document = json.dumps(measured.to_json(), ensure_ascii=False, indent=2, allow_nan=False)
    _written(path.with_suffix(".json"), document + "\n")
    return _written(path, page)


def effect_page(home: Home, name: str) -> Path:
    """Where the page of a campaign's effect lies."""
    return home.care / "effects" / f"{name}.html"


def _written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_beside(path, text)
    return path
