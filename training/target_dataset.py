"""The labelled rows of any target."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from holdfast.settings import Home
from models.dissatisfaction import SurveyTarget
from models.target import Target
from training.dataset import Dataset, churn_dataset, non_payment_dataset
from training.known import RawHistory
from training.labels import inactivity_sensitivity
from training.satisfaction_dataset import survey_dataset

SURVEY, SENSITIVITY = "survey.json", "inactivity.json"
"""Documents that travel with a version: what is to be known of the answers, and of losses by inactivity."""


def target_dataset(home: Home, target: Target, test_from: datetime | None = None) -> tuple[Dataset, dict[str, Any]]:
    """Labelled rows of a target, and what must be said of them beside.

    Parameters
    ----------
    home : Home
        Where raw tables and features lie.
    target : Target
        One of `training.targets.TARGETS`.
    test_from : datetime, optional
        When the test period begins: who answers surveys is learned from what was known before.

    Returns
    -------
    dataset : Dataset
        The rows.
    documents : dict of str to JSON
        By file name.

    Raises
    ------
    InputError
        As of the target's own dataset.
    """
    if isinstance(target, SurveyTarget):
        asked = survey_dataset(home, target, test_from=test_from)
        return asked.dataset, {SURVEY: asked.facts.to_json()}
    if target.name == "non_payment":
        return non_payment_dataset(home), {}
    history = RawHistory(home.raw)
    silences = inactivity_sensitivity(history) if history.has("usage_weeks") else ()
    return churn_dataset(home), {SENSITIVITY: [asdict(share) for share in silences]}
