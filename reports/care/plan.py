"""The page of a plan: one HTML file for whoever approves it."""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

from care.campaign import Campaign, catalogue_assumes
from care.catalogue import Catalogue
from care.ledger.rows import ApprovalRow, PlanRow
from care.measure import chance_to_show, half_width
from care.model import ASSUMED_DAYS, Action
from care.texts import Piece, pieces
from reports.care import words
from reports.care.funnel import refusals, total
from reports.care.words import money
from reports.kit import swarm
from reports.kit.numbers import count, share, typeset
from reports.kit.page import environment
from reports.words.texts import ENGLISH, LANGUAGE_NAMES, Texts

_CONTROLS = (0.1, 0.2, 0.3, 0.5)
_NORMAL = NormalDist()
_SHOWN = (_NORMAL.inv_cdf(0.975) + _NORMAL.inv_cdf(0.8)) / _NORMAL.inv_cdf(0.975)
"""Smallest effect that is shown four times out of five, in half widths."""


@dataclass(frozen=True)
class SizingRow:
    """What a share of control would show."""

    control: float
    is_chosen: bool
    households: int
    smallest: str
    chance: str


def render_plan(
    plan: PlanRow,
    campaign: Campaign,
    catalogue: Catalogue,
    approved: ApprovalRow | None,
    texts: Texts = ENGLISH,
) -> str:
    """Write the page: an HTML document, the same bytes for the same plan.

    Parameters
    ----------
    plan : PlanRow
        The plan, with its counts.
    campaign : Campaign
        What it is a plan of.
    catalogue : Catalogue
        With the campaign's action and its texts.
    approved : ApprovalRow or None
        Who approved it; None where nobody has.
    texts : Texts
        In which language.
    """
    about, action = plan.about, catalogue.actions[campaign.action]
    currency, wording = catalogue.operator.currency, catalogue.wordings[action.code]
    proposed = about["proposed"]
    return (
        environment(texts)
        .get_template("care/plan.html.j2")
        .render(
            plan=plan,
            about=about,
            campaign=campaign,
            approved=approved,
            made_at=f"{plan.made_at:%Y-%m-%d %H:%M}",
            lead=_lead(about, approved, texts),
            channels=_channels(about.get("channels", {}), texts),
            cost=money(action.cost * about["sent"], currency, texts),
            each=money(action.cost, currency, texts),
            outcome=texts.gettext(words.OUTCOMES[campaign.outcome]),
            reading=texts.gettext(words.READINGS[campaign.reading]),
            steps=[
                total(texts.gettext("A trigger holds"), proposed, proposed),
                *refusals(proposed, about["refused"], texts),
                total(texts.gettext("Allowed"), _drawn(about) + about["holdout"], proposed),
            ],
            sizing=_sizing(about, campaign, action, texts),
            messages=_messages(action, catalogue),
            through=texts.gettext(", ").join(
                words.named(words.CHANNELS, channel, texts) for channel in action.channels
            ),
            # A plan of an earlier release does not say what its texts were.
            is_reworded=about.get("wording", wording) != wording,
            swarm=swarm,
        )
    )


def _messages(action: Action, catalogue: Catalogue) -> list[tuple[str, str, list[Piece]]]:
    """Language, its name, and the text of the action in it, before it is filled with any fact."""
    operator = catalogue.operator
    return [
        (language, LANGUAGE_NAMES[language], pieces(text, operator.values(language)))
        for language, text in sorted(action.texts.items())
    ]


def _lead(about: Mapping[str, Any], approved: ApprovalRow | None, texts: Texts) -> str:
    template = (
        texts.gettext(
            "{sent} are to be sent a message, and {control} like them are withheld by lot. Nothing is"
            " sent yet."
        )
        if approved is None
        else texts.gettext(
            "{sent} may be sent a message, and {control} like them are withheld by lot. It was approved"
            " by {by}."
        )
    )
    return template.format(
        sent=count(about["sent"]),
        control=count(about["control"]),
        by="" if approved is None else approved.by.name,
    )


def _channels(channels: Mapping[str, int], texts: Texts) -> str:
    return texts.gettext(", ").join(
        texts.gettext("{count} by {channel}").format(
            count=count(number), channel=words.named(words.CHANNELS, channel, texts)
        )
        for channel, number in channels.items()
    )


def _drawn(about: Mapping[str, Any]) -> int:
    return int(about["sent"] + about["control"])


def _sizing(
    about: Mapping[str, Any], campaign: Campaign, action: Action, texts: Texts
) -> dict[str, Any] | None:
    known = about["sizing"]
    if known is None:
        return None
    households, stay = _drawn(about), known["expected_stay"]
    is_assumed = catalogue_assumes(campaign.outcome, campaign.outcome_days)
    # Plans of earlier releases name an effect whatever the days, and not the predictions' days.
    assumed = known["assumed"] if is_assumed else None
    horizon = known.get("horizon_days", campaign.outcome_days)

    def row(control: float) -> SizingRow:
        chance = chance_to_show(assumed, households, control, stay) if assumed else None
        return SizingRow(
            control=control,
            is_chosen=control == campaign.control_share,
            households=round(control * households),
            smallest=_points(_SHOWN * half_width(households, control, stay)),
            chance="" if chance is None else share(chance, 0),
        )

    return {
        "half": _points(known["half_width"]),
        "smallest": _points(_SHOWN * known["half_width"]),
        "assumed": typeset(f"{100 * assumed:+.1f}") if assumed else "",
        "assumed_days": None if is_assumed else ASSUMED_DAYS,
        "horizon": None if horizon == campaign.outcome_days else horizon,
        "too_few": assumed and abs(assumed) < known["half_width"],
        "needed": None if known["needed"] is None else words.about(known["needed"]),
        "rows": [row(control) for control in sorted({*_CONTROLS, campaign.control_share})],
        "stay": _with_band(known, texts),
        "households": households,
    }


def _with_band(known: Mapping[str, Any], texts: Texts) -> str:
    """The share expected to stay, with its band; plans of earlier releases have none."""
    stay = share(known["expected_stay"])
    low, high = known.get("expected_stay_low"), known.get("expected_stay_high")
    if low is None or high is None:
        return stay
    template = (
        texts.gettext("%(low)s to %(high)s, assumed")
        if known["level"] == "assumed"
        else texts.gettext("%(low)s to %(high)s")
    )
    return f"{stay} ({template % {'low': share(low), 'high': share(high)}})"


def _points(value: float) -> str:
    return typeset(f"{100 * value:.1f}")
