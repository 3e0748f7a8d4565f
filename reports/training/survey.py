"""What survey answers a model is made of, laid out for the training report from the facts that
travel with it as JSON.

The shape is that of `training.surveys.dataset.SurveyFacts`; what is not there is not shown.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reports.kit.forest import Entry, Forest, forest
from reports.training.words import plain
from training.evaluation.assessment import Estimate
from training.release.gate import OBSERVED_OVER_EXPECTED

_GROUPS = {
    "all": "everybody who was asked",
    "silent": "no answer in 182 days before",
    "heard": "some answer in those days",
}


@dataclass(frozen=True)
class SurveyView:
    """The survey section.

    Parameters
    ----------
    tiles : tuple of (str, str)
        Figures to see first, and what they are.
    prevalence : Forest or None
        Share of dissatisfied by group: estimate, sensitivity band, and the answers' own share,
        hollow.
    odds_ratio : float or None
        How far the band reaches.
    calibration : Forest or None
        Observed over expected among all who were asked, and its sensitivity band.
    balance : Forest or None
        How far those who answered look like those who were asked, before (hollow) and after
        weighting.
    unbalanced : tuple of int and int, or None
        Columns that differ clearly, before and after.
    response : tuple of (str, str)
        How the probability of answering was learned.
    """

    tiles: tuple[tuple[str, str], ...]
    prevalence: Forest | None
    odds_ratio: float | None
    calibration: Forest | None
    balance: Forest | None
    unbalanced: tuple[int, int] | None
    response: tuple[tuple[str, str], ...]


def survey_view(document: Mapping[str, Any]) -> SurveyView:
    """Lay the survey's facts out."""
    groups: Mapping[str, Any] = document.get("groups") or {}
    balance = document.get("balance") or ()
    unbalanced = (document.get("unbalanced_before"), document.get("unbalanced_after"))
    bands = [group["prevalence"] for group in groups.values() if group.get("prevalence")]
    return SurveyView(
        tiles=tuple(_tiles(document, groups.get("all") or {})),
        prevalence=_prevalence(groups) if bands else None,
        odds_ratio=bands[0]["odds_ratio"] if bands else None,
        calibration=_calibration(document["calibration"]) if document.get("calibration") else None,
        balance=_balance(balance) if balance else None,
        unbalanced=(int(unbalanced[0]), int(unbalanced[1]))
        if unbalanced[0] is not None and unbalanced[1] is not None
        else None,
        response=tuple(_response(document.get("response") or {})),
    )


def _tiles(document: Mapping[str, Any], everybody: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if everybody.get("invited"):
        yield f"{everybody['invited']:,}", "were asked"
        yield (
            _percent(everybody["answered"] / everybody["invited"]),
            f"of them answered: {everybody['answered']:,}",
        )
    weights = document.get("weights")
    if weights:
        heaviest = f"the heaviest counts {weights['most']:.1f} times, {_percent(weights['clipped_share'])} are clipped"
        yield (
            f"{weights['effective_rows']:,.0f}",
            f"answers of equal weight would tell as much; {heaviest}",
        )
    if document.get("delivered_share") is not None:
        yield _percent(document["delivered_share"]), "of the invitations were delivered"


def _prevalence(groups: Mapping[str, Any]) -> Forest:
    entries = []
    for name, group in groups.items():
        band = group.get("prevalence")
        entries.append(
            Entry(
                label=_GROUPS.get(name, plain(name)),
                note=f"{group['answered']:,} of {group['invited']:,} answered",
                estimate=Estimate(band["estimate"], band["low"], band["high"]) if band else None,
                text=f"{_percent(band['estimate'])} ({_percent(band['low'])} to {_percent(band['high'])})"
                if band
                else "no answers",
                kind="ours",
                before=group.get("prevalence_of_answers"),
            )
        )
    return forest([("", entries)], factor=100, unit="\N{NO-BREAK SPACE}%", most=(0.0, 1.0))


def _calibration(band: Mapping[str, Any]) -> Forest:
    entry = Entry(
        label="observed over expected",
        note="among everybody who was asked, test period",
        estimate=Estimate(band["estimate"], band["low"], band["high"]),
        text=f"{band['estimate']:.2f} ({band['low']:.2f} to {band['high']:.2f})",
        kind="ours",
    )
    return forest([("", [entry])], reference=1.0, zone=OBSERVED_OVER_EXPECTED)


def _balance(balance: list[Mapping[str, Any]]) -> Forest:
    entries = [
        Entry(
            label=plain(one["column"]),
            estimate=Estimate(one["after"], one["after"], one["after"]),
            text=f"{one['before']:+.2f} \N{RIGHTWARDS ARROW} {one['after']:+.2f}".replace(
                "-", "\N{MINUS SIGN}"
            ),
            kind="ours",
            before=one["before"],
        )
        for one in balance
    ]
    return forest([("", entries)], sign=True, reference=0.0, zone=(-0.1, 0.1))


def _response(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in document.items():
        if value is None or isinstance(value, (dict, list)):
            continue
        yield (
            plain(name),
            f"{value:,.4g}"
            if isinstance(value, float)
            else f"{value:,}"
            if isinstance(value, int)
            else str(value),
        )


def _percent(value: float) -> str:
    return f"{100 * value:.1f}\N{NO-BREAK SPACE}%"
