"""The survey answers that a model was trained on, for the training report.

They are read from `training.surveys.dataset.SurveyFacts` as JSON; missing parts are not shown.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reports.kit.forest import Entry, Forest, forest
from reports.kit.numbers import PERCENT, share, signed
from reports.training.words import about, named, plain
from reports.words.texts import ENGLISH, Texts, to_translate
from training.evaluation.assessment import Estimate
from training.release.calibration_rules import OBSERVED_OVER_EXPECTED

_GROUPS = {
    "all": to_translate("all who were asked"),
    "silent": to_translate("no answer in the 182 days before"),
    "heard": to_translate("an answer in these days"),
}


@dataclass(frozen=True)
class SurveyView:
    """The survey section.

    Parameters
    ----------
    tiles : tuple of (str, str)
        The main figures, and what they are.
    prevalence : Forest or None
        Share of dissatisfied by group: estimate, sensitivity band, and as a hollow dot the share
        among the answers.
    odds_ratio : float or None
        Odds ratio of the sensitivity band.
    possible : tuple of float and float, or None
        Odds ratios that data leave of it, where they do.
    reminder : str
        What a reminder drawn at random tells of the band, in a sentence; empty where not recorded.
    calibration : Forest or None
        Observed over expected among all who were asked, and its sensitivity band.
    balance : Forest or None
        Differences between those who answered and those who were asked, before (hollow dot) and
        after weighting.
    unbalanced : tuple of int and int, or None
        Number of columns that differ, before and after weighting.
    response : tuple of (str, str)
        Facts about the model of the probability of answering.
    """

    tiles: tuple[tuple[str, str], ...]
    prevalence: Forest | None
    odds_ratio: float | None
    possible: tuple[float, float] | None
    reminder: str
    calibration: Forest | None
    balance: Forest | None
    unbalanced: tuple[int, int] | None
    response: tuple[tuple[str, str], ...]


def survey_view(document: Mapping[str, Any], texts: Texts = ENGLISH) -> SurveyView:
    """The survey section, from the facts as JSON."""
    groups: Mapping[str, Any] = document.get("groups") or {}
    balance = document.get("balance") or ()
    unbalanced = (document.get("unbalanced_before"), document.get("unbalanced_after"))
    bands = [group["prevalence"] for group in groups.values() if group.get("prevalence")]
    return SurveyView(
        tiles=tuple(_tiles(document, groups.get("all") or {}, texts)),
        prevalence=_prevalence(groups, texts) if bands else None,
        odds_ratio=bands[0]["odds_ratio"] if bands else None,
        possible=(bands[0]["least"], bands[0]["most"])
        if bands and bands[0].get("evidence") == "estimated"
        else None,
        reminder=about((document.get("reminder") or {}).get("about", ""), texts),
        calibration=_calibration(document["calibration"], texts)
        if document.get("calibration")
        else None,
        balance=_balance(balance) if balance else None,
        unbalanced=(int(unbalanced[0]), int(unbalanced[1]))
        if unbalanced[0] is not None and unbalanced[1] is not None
        else None,
        response=tuple(_response(document.get("response") or {}, texts)),
    )


def _tiles(
    document: Mapping[str, Any], everybody: Mapping[str, Any], texts: Texts
) -> Iterator[tuple[str, str]]:
    if everybody.get("invited"):
        yield f"{everybody['invited']:,}", texts.gettext("were asked")
        yield (
            share(everybody["answered"] / everybody["invited"]),
            texts.gettext("of them answered: {answered:,}").format(answered=everybody["answered"]),
        )
    weights = document.get("weights")
    if weights:
        yield (
            f"{weights['effective_rows']:,.0f}",
            texts.gettext(
                "answers of equal weight would be as precise; the largest weight is {most:.1f},"
                " and {share} of weights are clipped"
            ).format(most=weights["most"], share=share(weights["clipped_share"])),
        )
    if document.get("delivered_share") is not None:
        yield share(document["delivered_share"]), texts.gettext("of the invitations were delivered")


def _prevalence(groups: Mapping[str, Any], texts: Texts) -> Forest:
    entries = []
    for name, group in groups.items():
        band = group.get("prevalence")
        entries.append(
            Entry(
                label=texts.gettext(_GROUPS[name]) if name in _GROUPS else plain(name),
                note=texts.gettext("{answered:,} of {invited:,} answered").format(
                    answered=group["answered"], invited=group["invited"]
                ),
                estimate=Estimate(band["estimate"], band["low"], band["high"]) if band else None,
                text=_banded(band, share, texts) if band else texts.gettext("no answers"),
                kind="ours",
                before=group.get("prevalence_of_answers"),
            )
        )
    return forest([("", entries)], factor=100, unit=PERCENT, most=(0.0, 1.0))


def _calibration(band: Mapping[str, Any], texts: Texts) -> Forest:
    entry = Entry(
        label=texts.gettext("observed over expected"),
        note=texts.gettext("all who were asked, test period"),
        estimate=Estimate(band["estimate"], band["low"], band["high"]),
        text=_banded(band, "{:.2f}".format, texts),
        kind="ours",
    )
    return forest([("", [entry])], reference=1.0, zone=OBSERVED_OVER_EXPECTED)


def _banded(band: Mapping[str, Any], written: Callable[[float], str], texts: Texts) -> str:
    """An estimate and its sensitivity band."""
    ends = texts.gettext("{low} to {high}").format(
        low=written(band["low"]), high=written(band["high"])
    )
    return texts.gettext("{figure} ({interval})").format(
        figure=written(band["estimate"]), interval=ends
    )


def _balance(balance: list[Mapping[str, Any]]) -> Forest:
    entries = [
        Entry(
            label=plain(one["column"]),
            estimate=Estimate(one["after"], one["after"], one["after"]),
            text=f"{signed(one['before'])} \N{RIGHTWARDS ARROW} {signed(one['after'])}",
            kind="ours",
            before=one["before"],
        )
        for one in balance
    ]
    return forest([("", entries)], sign=True, reference=0.0, zone=(-0.1, 0.1))


def _response(document: Mapping[str, Any], texts: Texts) -> Iterator[tuple[str, str]]:
    for name, value in document.items():
        if value is None or isinstance(value, (dict, list)):
            continue
        yield (
            named(name, texts),
            f"{value:,.4g}"
            if isinstance(value, float)
            else f"{value:,}"
            if isinstance(value, int)
            else named(str(value), texts),
        )
