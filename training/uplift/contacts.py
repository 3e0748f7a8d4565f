"""An operator's randomised contacts as experiments, one per care action.

Only contacts whose arm was drawn at random count; treatment is compared with control. The holdout
is left out: its households have gone without any offer ever since, so that they differ from treated
ones by more than this action. Without them, the probability of an arm is the stored propensity
divided by ``1 - h``, where ``h`` is the campaign's probability of holding somebody out.

A campaign that draws each household once, and decides about it again while it runs, has drawn nothing
the second time: who is still there then depends on the arm, and so do features. Only the first decisions
about a household count, as in the campaign's own measurement.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.contracts.tables import ARRIVED, HAPPENED
from features.contracts.vocabulary import OTHER
from features.fields import SERVICES
from features.operator.repository import OperatorRepository
from holdfast.arrays import Floats
from holdfast.errors import InputError
from training.labelling.draws import HOUSEHOLD, campaigns_drawn_once, with_households
from training.labelling.history import RawHistory
from training.uplift.experiment import Experiment

SERVICE = "churn_v1"
OUTCOME_DAYS = 90

CONTROL = "control"
_SAME = 1e-6
_RECENT = np.timedelta64(8, "D")


def randomised_actions(history: RawHistory) -> tuple[str, ...]:
    """Names of the actions with randomised contacts in both treatment and control, sorted."""
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
    """Randomised contacts of an action that have an outcome.

    Parameters
    ----------
    action : str
        The care action.
    rows : DataFrame
        One row per contact.
    left_out : dict of str to int
        Contacts left out, by reason.
    again : (n,) bool
        Treated by another action before the outcome was known.
    """

    action: str
    rows: pl.DataFrame
    left_out: dict[str, int]
    again: NDArray[np.bool_]


def select_contacts(history: RawHistory, action: str) -> RandomisedContacts:
    """Select the contacts of an action from which its effect can be estimated.

    Raises
    ------
    InputError
        There are no contacts of this action, or none that was randomised and has an outcome.
    """
    decisions = _decisions(history)
    actions = sorted(decisions["action"].unique().to_list())
    if action not in actions:
        raise InputError(
            "--action",
            f"must be an action in care_contacts: {', '.join(actions) or 'there is none'}",
            action,
        )
    rows = decisions.filter(pl.col("action") == action)
    rows = rows.join(
        _shares(rows), on="campaign_id", how="left", nulls_equal=True, maintain_order="left"
    )
    rows = rows.join(
        _lost(history), on="contact_id", how="left", maintain_order="left"
    ).with_columns((pl.col("propensity") / (1 - pl.col("held_out"))).alias("of_arm"))
    rows = _marking_repeats(history, rows)
    left_out: dict[str, int] = {}
    for reason, wrong in (
        ("not drawn at random: no propensity", pl.col("propensity").is_null()),
        (
            "not drawn at random: propensity 0 or 1",
            (pl.col("propensity") <= 0) | (pl.col("propensity") >= 1),
        ),
        ("in the holdout, which goes without all offers", pl.col("arm") == "holdout"),
        ("in an arm that is neither treatment nor control", pl.col("arm") == OTHER),
        ("drawn among no other arm than the holdout", pl.col("of_arm") > 1 - _SAME),
        ("of a household that the campaign had drawn before", pl.col("is_repeat")),
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
    return RandomisedContacts(action, rows, left_out, _treated_again(decisions, rows))


def experiments(
    history: RawHistory, repository: OperatorRepository, contacts: Sequence[RandomisedContacts]
) -> list[Experiment]:
    """Turn contacts into experiments, with the features of each line on the last Monday before.

    Parameters
    ----------
    history : RawHistory
        The raw tables.
    repository : OperatorRepository
        Stores the features; read once for all contacts.
    contacts : sequence of RandomisedContacts
        Results of `select_contacts`.

    Returns
    -------
    list of Experiment
        One per action, with one row per contact. Rows left out are counted by reason; those treated
        by another action before the outcome was known are marked.
    """
    mondays = np.sort(repository.history_mondays(SERVICES[SERVICE][0]))
    rows = pl.concat([selected.rows for selected in contacts])
    at = rows["decided_at"].dt.replace_time_zone(None).to_numpy().astype("datetime64[us]")
    # Features of the very moment of the decision may know of it.
    place = np.searchsorted(mondays, at, side="left") - 1
    recent = (
        (place >= 0) & (at - mondays[np.maximum(place, 0)] <= _RECENT)
        if len(mondays)
        else np.zeros(len(at), dtype=bool)
    )
    chosen = np.flatnonzero(recent)
    columns = repository.catalogue.columns(SERVICE)
    matrix = np.full((len(rows), len(columns)), np.nan)
    if len(chosen):
        lines = rows["subscription_id"].to_numpy()[chosen].tolist()
        matrix[chosen] = repository.historical(SERVICE, lines, mondays[place[chosen]])
    parts = np.split(matrix, np.cumsum([len(selected.rows) for selected in contacts])[:-1])
    return [
        _experiment(selected, part, columns) for selected, part in zip(contacts, parts, strict=True)
    ]


def _experiment(
    contacts: RandomisedContacts, matrix: Floats, columns: tuple[str, ...]
) -> Experiment:
    has_features = ~np.isnan(matrix).all(axis=1)
    rows = contacts.rows.filter(pl.Series(has_features))
    missing = int((~has_features).sum())
    return Experiment(
        name=contacts.action,
        treatment="care_contacts",
        arms=(CONTROL, contacts.action),
        arm=(rows["arm"] == "treatment").to_numpy().astype(np.int64),
        outcome=1.0 - rows["lost"].to_numpy(),
        outcome_name=f"retained after {OUTCOME_DAYS} days",
        propensity=rows["of_arm"].to_numpy(),
        source="stored",
        cluster=_households(rows),
        matrix=matrix[has_features],
        features=columns,
        labels=columns,
        left_out=contacts.left_out
        | ({"no features of the line in the week before": missing} if missing else {}),
        marks={
            "treated by another action before the outcome was known": contacts.again[has_features]
        },
        # `care_contacts` has a propensity only where the arm was drawn with it.
        drawn_at_random="table",
    )


def _decisions(history: RawHistory) -> pl.DataFrame:
    columns = ["customer_id", "subscription_id", "campaign_id", "action", "arm", "propensity"]
    decisions = (
        history.as_known("care_contacts", columns)
        .rename({HAPPENED: "decided_at"})
        .drop(ARRIVED)
        .collect()
    )
    return decisions.sort("decided_at", "contact_id")


def _marking_repeats(history: RawHistory, rows: pl.DataFrame) -> pl.DataFrame:
    """Contacts with ``is_repeat``: of a household that the campaign, which draws once, drew before."""
    at_home = with_households(history, rows)
    first = pl.col("decided_at").min().over("campaign_id", HOUSEHOLD)
    of_once = pl.col("campaign_id").is_in(campaigns_drawn_once(at_home).implode())
    is_repeat = (pl.col("decided_at") > first) & of_once.fill_null(False)
    return at_home.with_columns(is_repeat.alias("is_repeat"))


def _shares(rows: pl.DataFrame) -> pl.DataFrame:
    """Probability with which each campaign holds somebody out.

    It is the propensity of its holdout rows. If there are none, but treatment and control have one
    propensity each, it is what these leave of 1. Otherwise nobody was held out.
    """
    of_arm = {
        arm: pl.col("propensity").filter(pl.col("arm") == arm)
        for arm in ("treatment", "control", "holdout")
    }
    single = (of_arm["treatment"].n_unique() == 1) & (of_arm["control"].n_unique() == 1)
    rest = (1 - of_arm["treatment"].first() - of_arm["control"].first()).clip(0.0, 1.0)
    recorded = of_arm["holdout"].mean()
    return (
        rows.filter(pl.col("propensity").is_not_null())
        .group_by("campaign_id")
        .agg(
            pl.when(recorded.is_not_null())
            .then(recorded)
            .when(single)
            .then(rest)
            .otherwise(0.0)
            .alias("held_out")
        )
    )


def _lost(history: RawHistory) -> pl.DataFrame:
    """Whether the line was lost, for contacts with a final outcome."""
    outcomes = history.as_known("care_outcomes", ["value", "matured_at"])
    final = outcomes.filter(pl.col("outcome") == "churned", pl.col("matured_at") <= history.end)
    return final.select(
        "contact_id", (pl.col("value") > 0).cast(pl.Float64).alias("lost")
    ).collect()


def _treated_again(decisions: pl.DataFrame, rows: pl.DataFrame) -> NDArray[np.bool_]:
    """Whether line or customer were treated by another action between a contact and its outcome."""
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
    treated = pairs.filter(after & same & (pl.col("again") != pl.col("action")))["contact_id"]
    return rows["contact_id"].is_in(treated.unique().implode()).to_numpy()


def _households(rows: pl.DataFrame) -> NDArray[np.int64]:
    return np.unique(rows[HOUSEHOLD].to_numpy().astype(str), return_inverse=True)[1].astype(
        np.int64
    )
