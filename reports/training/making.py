"""How a model was made, for the training report: windows in time, rows left out, what was tried and
chosen.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from babel.dates import format_skeleton

from reports.kit.numbers import share
from reports.training.figures import horizon_words
from reports.training.words import named
from reports.words.exclusions import excluded_words
from reports.words.texts import ENGLISH, Texts, to_translate
from training.fitting.tune import TrialRecord, Tuned
from training.release.facts import PARTS, TrainingFacts

BEST_TRIALS = 8
"""Most trials that the report lists."""

_PART_WORDS = {
    "fit": to_translate("fitting"),
    "tune": to_translate("tuning"),
    "test": to_translate("test"),
}
_DAY = timedelta(days=1)
_MOST_MARKS = 6


@dataclass(frozen=True)
class PartLine:
    """Parts of the labelled rows with the same cut-offs, on a line of time, in per cent of its
    width.

    Parameters
    ----------
    names : str
        What they are for.
    test : bool
        They are the test rows.
    rows : tuple of (str, int)
        How many each part has.
    cutoffs : tuple of float
        Places of their cut-offs.
    labels : tuple of float and float
        Start and width of the time that their labels are about.
    words : str
        The same in words.
    """

    names: str
    test: bool
    rows: tuple[tuple[str, int], ...]
    cutoffs: tuple[float, ...]
    labels: tuple[float, float]
    words: str


@dataclass(frozen=True)
class Timeline:
    """All parts, and the marks of the months."""

    parts: tuple[PartLine, ...]
    marks: tuple[tuple[float, str], ...]


@dataclass(frozen=True)
class LeftOut:
    """Rows left out for one reason, and the width of their bar in per cent of the widest."""

    words: str
    rows: int
    width: float


@dataclass(frozen=True)
class Inactivity:
    """Prepaid lines that count as lost after so many days of inactivity: shares in words, bars in
    per cent.
    """

    days: int
    lost: str
    back: str
    width: float


@dataclass(frozen=True)
class Chosen:
    """What was chosen for a horizon and stratum: its calibration, anew where boosters that were fitted
    again are served, and its own booster or the shared one.
    """

    horizon: str
    stratum: str
    calibration: str
    served: str
    candidates: str
    booster: str


def timeline(facts: TrainingFacts, texts: Texts = ENGLISH) -> Timeline | None:
    """The windows; None if no cut-offs are known."""
    cutoffs_by_part = {
        part: [datetime.fromisoformat(text) for text in facts.cutoffs.get(part, ())]
        for part in PARTS
    }
    all_cutoffs = [cutoff for part in cutoffs_by_part.values() for cutoff in part]
    if not all_cutoffs:
        return None
    reach = timedelta(days=facts.gap_days + max(facts.horizons_days, default=0))
    start, end = min(all_cutoffs), max(all_cutoffs) + reach + _DAY

    def place(cutoff: datetime) -> float:
        return 1.5 + 97 * ((cutoff - start) / (end - start))

    together: dict[tuple[bool, tuple[datetime, ...]], list[str]] = {}
    for part, cutoffs_of_part in cutoffs_by_part.items():
        if cutoffs_of_part:
            together.setdefault((part == "test", tuple(cutoffs_of_part)), []).append(part)
    parts = []
    for (test, cutoffs), names in together.items():
        first, last = cutoffs[0], cutoffs[-1]
        begin, over = first + timedelta(days=facts.gap_days), last + reach
        words = {name: texts.gettext(_PART_WORDS[name]) for name in names}
        parts.append(
            PartLine(
                names=_listed(list(words.values()), texts).capitalize(),
                test=test,
                rows=tuple((words[name], facts.rows.get(name, 0)) for name in names),
                cutoffs=tuple(map(place, cutoffs)),
                labels=(place(begin), place(over) - place(begin)),
                words=_cutoffs_words(cutoffs, over, texts),
            )
        )
    return Timeline(
        tuple(parts),
        tuple((place(moment), _month_words(moment, texts)) for moment in _months(start, end)),
    )


def _cutoffs_words(cutoffs: Sequence[datetime], over: datetime, texts: Texts) -> str:
    first, last = cutoffs[0], cutoffs[-1]
    template = (
        texts.gettext("1 cut-off, {first}; its labels end on {over}")
        if first == last
        else texts.gettext("{many} cut-offs from {first} to {last}; their labels end on {over}")
    )
    dates = {"first": first, "last": last, "over": over}
    return template.format(
        many=len(cutoffs), **{name: f"{moment:%Y-%m-%d}" for name, moment in dates.items()}
    )


def _month_words(month: datetime, texts: Texts) -> str:
    return str(format_skeleton("yMMM", month, locale=texts.language.replace("-", "_")))


def left_out(facts: TrainingFacts, texts: Texts = ENGLISH) -> tuple[LeftOut, ...]:
    """Rows left out, by reason, most first; without reasons that no row was left out for."""
    counts = {reason: rows for reason, rows in facts.excluded.items() if rows}
    most = max(counts.values(), default=1)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple(
        LeftOut(excluded_words(reason, texts), rows, 100 * rows / most) for reason, rows in ordered
    )


def inactivity(document: object, texts: Texts = ENGLISH) -> tuple[Inactivity, ...]:
    """What share of prepaid lines is lost by the days of inactivity that count as lost, from
    ``inactivity.json``; empty without it.
    """
    if not isinstance(document, list) or not document:
        return ()
    most = max(row["lost"] or 0.0 for row in document) or 1.0
    return tuple(
        Inactivity(
            days=row["days"],
            lost=share(row["lost"]),
            back=texts.gettext("not known")
            if row["back"] is None or math.isnan(row["back"])
            else share(row["back"]),
            width=100 * row["lost"] / most,
        )
        for row in document
    )


def best_trials(tuned: Tuned | None) -> tuple[TrialRecord, ...]:
    """Finished trials, best first; none where parameters were not searched for."""
    finished = [trial for trial in tuned.trials if trial.value is not None] if tuned else []
    return tuple(
        sorted(finished, key=lambda trial: (trial.value or 0.0, trial.number))[:BEST_TRIALS]
    )


def chosen(facts: TrainingFacts, texts: Texts = ENGLISH) -> tuple[Chosen, ...]:
    """Calibration and booster of every horizon and stratum that has its own."""
    calibrations, served = facts.evaluated_calibrations, facts.served_calibrations
    boosters: dict[str, Any] = facts.choices.get("boosters", {})
    choices = []
    for horizon in facts.horizons:
        for name in (horizon, *(f"{horizon}/{stratum}".lstrip("/") for stratum in facts.strata)):
            if name not in calibrations and name not in served and name not in boosters:
                continue
            stratum = "" if name == horizon else name.rpartition("/")[2]
            calibration, booster = calibrations.get(name), boosters.get(name)
            again = served.get(name)
            choices.append(
                Chosen(
                    horizon=horizon_words(horizon, texts),
                    stratum=named(stratum, texts) or texts.gettext("all others"),
                    calibration=_kind(calibration, texts),
                    served=_kind(again, texts) if served else "",
                    candidates=_losses(calibration["log_loss"], texts) if calibration else "",
                    booster=_booster(booster, texts) if booster else "",
                )
            )
    return tuple(choices)


def _kind(calibration: dict[str, Any] | None, texts: Texts) -> str:
    return named(calibration["chosen"], texts) if calibration else texts.gettext("as all others")


def own_boosters(facts: TrainingFacts, texts: Texts = ENGLISH) -> dict[str, str]:
    """Strata that have boosters of their own, and for which horizons."""
    horizons_of: dict[str, list[str]] = {}
    for name, tried in facts.choices.get("boosters", {}).items():
        horizon, _, stratum = name.rpartition("/")
        if tried["own_wins"]:
            horizons_of.setdefault(named(stratum, texts), []).append(horizon)
    return {
        stratum: horizon_words(_listed(horizons, texts) if all(horizons) else "", texts)
        for stratum, horizons in horizons_of.items()
    }


def explanation_costs(facts: TrainingFacts, texts: Texts = ENGLISH) -> str:
    """Leaves that an explanation visits; by horizon if they differ."""
    costs = facts.explanation_cost
    if len(set(costs.values())) == 1:
        return texts.gettext("{leaves:,} leaves").format(leaves=next(iter(costs.values())))
    return _listed(
        [
            texts.gettext("{leaves:,} leaves {horizon}").format(
                leaves=leaves, horizon=horizon_words(horizon, texts)
            )
            for horizon, leaves in costs.items()
        ],
        texts,
    )


def _listed(words: Sequence[str], texts: Texts) -> str:
    first = texts.gettext(", ").join(words[:-1])
    return texts.gettext(" and ").join(filter(None, [first, *words[-1:]]))


def _booster(tried: dict[str, Any], texts: Texts) -> str:
    template = (
        texts.gettext("its own: {own:.4f} against {shared:.4f} shared")
        if tried["own_wins"]
        else texts.gettext("shared: its own had {own:.4f} against {shared:.4f} shared")
    )
    return template.format(own=tried["own_log_loss"], shared=tried["shared_log_loss"])


def _losses(losses: dict[str, float], texts: Texts) -> str:
    return texts.gettext(", ").join(
        f"{named(kind, texts)} {loss:.5f}" for kind, loss in losses.items()
    )


def _months(start: datetime, end: datetime) -> list[datetime]:
    first = start.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    months = [first]
    while months[-1] < end:
        months.append((months[-1] + 32 * _DAY).replace(day=1))
    months = [month for month in months if start <= month < end]
    return months[:: -(-len(months) // _MOST_MARKS)] if months else []
