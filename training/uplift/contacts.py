"""An operator's randomised contacts as experiments, one an action: who was drawn into which arm,
and who was still there after.

Only contacts whose arm was drawn at random count. Of those, treatment is compared with control. The
holdout is left out: its households have gone without any offer for as long as there has been a
holdout, so that they differ from the treated in more than this one action; they tell what all care
does together. Without them, arms are as likely as the stored propensities say once these are
divided by ``1 - h``, the campaign's chance not to be held out, whatever care anybody had before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.contracts.tables import ARRIVED, HAPPENED
from features.fields import SERVICES, VIEWS
from features.operator.repository import OperatorRepository
from holdfast.arrays import Floats
from holdfast.errors import InputError
from training.labelling.history import RawHistory
from training.uplift.experiment import Experiment

SERVICE = "churn_v1"
OUTCOME_DAYS = 90

CONTROL = "control"
_SAME = 1e-6
_RECENT = np.timedelta64(8, "D")


def randomised_actions(history: RawHistory) -> tuple[str, ...]:
    """Actions with contacts in both arms that were drawn at random, by name."""
    drawn = history.as_known("care_contacts", ["action", "arm", "propensity"]).filter(
        pl.col("propensity").is_not_null()
    )
    arms = drawn.group_by("action").agg(pl.col("arm").unique()).collect()
    both = arms.filter(
        pl.col("arm").list.contains("treatment") & pl.col("arm").list.contains("control")
    )
    return tuple(sorted(both["action"].to_list()))


@dataclass(frozen=True)
class RandomisedContacts:
    """Contacts of an action that were drawn at random and have an outcome.

    Parameters
    ----------
    action : str
        The care action.
    rows : DataFrame
        One a contact.
    left_out : dict of str to int
        Contacts left out, by reason.
    again : (n,) bool
        Treated for another reason before the outcome was known.
    """

    action: str
    rows: pl.DataFrame
    left_out: dict[str, int]
    again: NDArray[np.bool_]


def select_contacts(history: RawHistory, action: str) -> RandomisedContacts:
    """Contacts of an action that an effect can be told by.

    Raises
    ------
    InputError
        There are no contacts of this action, or none that was drawn at random and has an outcome.
    """
    decisions = _decisions(history)
    known = sorted(decisions["action"].unique().to_list())
    if action not in known:
        raise InputError(
            "--action",
            f"must be one that care_contacts tells of: {', '.join(known) or 'there is none'}",
            action,
        )
    rows = decisions.filter(pl.col("action") == action)
    rows = rows.join(
        _shares(rows), on="campaign_id", how="left", nulls_equal=True, maintain_order="left"
    )
    rows = rows.join(
        _lost(history), on="contact_id", how="left", maintain_order="left"
    ).with_columns((pl.col("propensity") / (1 - pl.col("held_out"))).alias("of_arm"))
    left_out: dict[str, int] = {}
    for reason, wrong in (
        ("not drawn at random: no propensity", pl.col("propensity").is_null()),
        (
            "not drawn at random: propensity 0 or 1",
            (pl.col("propensity") <= 0) | (pl.col("propensity") >= 1),
        ),
        ("in the holdout, which goes without all offers", pl.col("arm") == "holdout"),
        ("drawn among no other arm than the holdout", pl.col("of_arm") > 1 - _SAME),
        ("about a customer as a whole", pl.col("subscription_id").is_null()),
        ("outcome not known yet", pl.col("lost").is_null()),
    ):
        kept = rows.filter(~wrong)
        left_out |= {reason: len(rows) - len(kept)} if len(kept) < len(rows) else {}
        rows = kept
    if rows.is_empty():
        reasons = "; ".join(f"{reason} {count}" for reason, count in left_out.items())
        raise InputError(
            "care_contacts",
            f"must hold randomised contacts of {action} with an outcome; left out: {reasons}",
        )
    return RandomisedContacts(action, rows, left_out, _met_again(decisions, rows))


def experiments(
    history: RawHistory, repository: OperatorRepository, contacts: Sequence[RandomisedContacts]
) -> list[Experiment]:
    """Contacts as experiments, with what was known of each line on the Monday before.

    Parameters
    ----------
    history : RawHistory
        The raw tables.
    repository : OperatorRepository
        Keeps history of the features; asked once for all.
    contacts : sequence of RandomisedContacts
        What `select_contacts` found.

    Returns
    -------
    list of Experiment
        One an action, a row a contact. Rows left out are counted by reason; those treated for
        another reason before the outcome was known are marked.
    """
    mondays = np.sort(repository.history_mondays(SERVICES[SERVICE][0]))
    rows = pl.concat([found.rows for found in contacts])
    at = rows["decided_at"].dt.replace_time_zone(None).to_numpy().astype("datetime64[us]")
    place = np.searchsorted(mondays, at, side="right") - 1
    recent = (
        (place >= 0) & (at - mondays[np.maximum(place, 0)] <= _RECENT)
        if len(mondays)
        else np.zeros(len(at), dtype=bool)
    )
    asked = np.flatnonzero(recent)
    matrix = np.full((len(rows), len(_columns())), np.nan)
    if len(asked):
        lines = rows["subscription_id"].to_numpy()[asked].tolist()
        matrix[asked] = repository.historical(SERVICE, lines, mondays[place[asked]])
    parts = np.split(matrix, np.cumsum([len(found.rows) for found in contacts])[:-1])
    return [_experiment(history, found, part) for found, part in zip(contacts, parts, strict=True)]


def _experiment(history: RawHistory, contacts: RandomisedContacts, matrix: Floats) -> Experiment:
    told = ~np.isnan(matrix).all(axis=1)
    rows, missing = contacts.rows.filter(pl.Series(told)), int((~told).sum())
    return Experiment(
        name=contacts.action,
        arms=(CONTROL, contacts.action),
        arm=(rows["arm"] == "treatment").to_numpy().astype(np.int64),
        outcome=1.0 - rows["lost"].to_numpy(),
        outcome_name=f"retained after {OUTCOME_DAYS} days",
        propensity=rows["of_arm"].to_numpy(),
        source="stored",
        cluster=_households(history, rows),
        matrix=matrix[told],
        features=_columns(),
        labels=_columns(),
        left_out=contacts.left_out
        | ({"nothing known of the line in the week before": missing} if missing else {}),
        marks={"treated for another reason before the outcome was known": contacts.again[told]},
    )


def _columns() -> tuple[str, ...]:
    return tuple(column for view in SERVICES[SERVICE] for column in VIEWS[view].columns)


def _decisions(history: RawHistory) -> pl.DataFrame:
    columns = ["customer_id", "subscription_id", "campaign_id", "action", "arm", "propensity"]
    found = (
        history.as_known("care_contacts", columns)
        .rename({HAPPENED: "decided_at"})
        .drop(ARRIVED)
        .collect()
    )
    return found.sort("decided_at", "contact_id")


def _shares(rows: pl.DataFrame) -> pl.DataFrame:
    """Chance of each campaign to hold somebody out.

    It is the propensity of those who were held out. Where none are on record but each arm has one
    propensity, it is what these leave of 1; else nobody was held out.
    """
    of_arm = {
        arm: pl.col("propensity").filter(pl.col("arm") == arm)
        for arm in ("treatment", "control", "holdout")
    }
    single = (of_arm["treatment"].n_unique() == 1) & (of_arm["control"].n_unique() == 1)
    rest = (1 - of_arm["treatment"].first() - of_arm["control"].first()).clip(0.0, 1.0)
    told = of_arm["holdout"].mean()
    return (
        rows.filter(pl.col("propensity").is_not_null())
        .group_by("campaign_id")
        .agg(
            pl.when(told.is_not_null())
            .then(told)
            .when(single)
            .then(rest)
            .otherwise(0.0)
            .alias("held_out")
        )
    )


def _lost(history: RawHistory) -> pl.DataFrame:
    """Whether a contact's line was lost, of contacts whose outcome is final."""
    outcomes = history.as_known("care_outcomes", ["value", "matured_at"])
    final = outcomes.filter(pl.col("outcome") == "churned", pl.col("matured_at") <= history.end)
    return final.select(
        "contact_id", (pl.col("value") > 0).cast(pl.Float64).alias("lost")
    ).collect()


def _met_again(decisions: pl.DataFrame, rows: pl.DataFrame) -> NDArray[np.bool_]:
    """Whether the line, or its whole customer, was treated for another reason between a contact and
    its outcome.
    """
    other = decisions.filter(pl.col("arm") == "treatment").select(
        "customer_id",
        pl.col("subscription_id").alias("line"),
        pl.col("action").alias("again"),
        pl.col("decided_at").alias("then"),
    )
    pairs = rows.select(
        "contact_id", "customer_id", "subscription_id", "action", "decided_at"
    ).join(other, on="customer_id")
    after = (pl.col("then") > pl.col("decided_at")) & (
        pl.col("then") <= pl.col("decided_at") + timedelta(days=OUTCOME_DAYS)
    )
    same = pl.col("line").is_null() | (pl.col("line") == pl.col("subscription_id"))
    found = pairs.filter(after & same & (pl.col("again") != pl.col("action")))[
        "contact_id"
    ].unique()
    return rows["contact_id"].is_in(found.implode()).to_numpy()


def _households(history: RawHistory, rows: pl.DataFrame) -> NDArray[np.int64]:
    homes = (
        history.as_known("customers", ["household_id"])
        .select("customer_id", "household_id")
        .collect()
    )
    names = rows.join(homes, on="customer_id", how="left", maintain_order="left").select(
        pl.coalesce("of " + pl.col("household_id"), "alone " + pl.col("customer_id")).alias("home")
    )
    return np.unique(names["home"].to_numpy().astype(str), return_inverse=True)[1].astype(np.int64)
