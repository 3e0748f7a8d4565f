"""The page of a campaign's effect: one HTML file for whoever decides whether to do it again."""

from dataclasses import dataclass
from itertools import groupby

from care.campaign import catalogue_assumes
from care.measure import Effect
from care.measurement import GroupEffect, Measurement
from care.model import ASSUMED_DAYS
from reports.care import words
from reports.care.funnel import Step, refusals, total
from reports.care.words import Unit, headline, meaning, money, unit_of
from reports.kit import swarm
from reports.kit.curves import Curves, curves
from reports.kit.forest import Entry, Forest, Kind, forest
from reports.kit.numbers import count, share
from reports.kit.page import environment
from reports.words.texts import ENGLISH, Texts
from training.evaluation.assessment import Estimate

_KINDS: dict[str, Kind] = {"works": "better", "harms": "worse", "not_shown": "unclear"}
_CONTAMINATION_ALARM = 0.02
"""Share of the withheld whom others sent the same, above which the effect is told to be too small."""
_KNOWN_ALARM = 0.95
_TREATED_ALARM = 0.9


@dataclass(frozen=True)
class Check:
    """Something that says whether the comparison can be believed."""

    is_ok: bool
    text: str


def render_effect(measured: Measurement, texts: Texts = ENGLISH) -> str:
    """Write the page: an HTML document, the same bytes for the same findings.

    Parameters
    ----------
    measured : Measurement
        What is known of the campaign.
    texts : Texts
        In which language.
    """
    unit = unit_of(measured.campaign, measured.currency, texts)
    template = environment(texts).get_template("care/effect.html.j2")
    return template.render(
        measured=measured,
        unit=unit,
        headline=headline(measured, texts),
        meaning=meaning(measured, texts),
        headlines=words.HEADLINES,
        reported=[
            (words.named(words.REPORTED, code, texts), number)
            for code, number in measured.funnel.reported.items()
        ],
        outcome=texts.gettext(words.OUTCOMES[measured.campaign.outcome]),
        tiles=_tiles(measured, unit),
        chart=_chart(measured, texts),
        groups=_groups(measured, unit) if measured.effect is not None and measured.groups else None,
        steps=_steps(measured, texts),
        households=_households(measured, texts),
        needed=_needed(measured, unit),
        checks=checks(measured, texts),
        written_at=f"{measured.as_of:%Y-%m-%d %H:%M}",
        swarm=swarm,
    )


def checks(measured: Measurement, texts: Texts = ENGLISH) -> list[Check]:
    """Whether the comparison can be believed, check by check."""
    belief, gettext = measured.belief, texts.gettext
    if not belief.control_share:
        return [Check(False, gettext("nothing was withheld by lot"))]
    split = {"treatment": count(belief.treatment), "control": count(belief.control)}
    found = [
        Check(
            belief.sample_ratio_ok,
            (
                gettext("lots fell as drawn: {treatment} and {control}, p = {chance}")
                if belief.sample_ratio_ok
                else gettext("lots did not fall as drawn: {treatment} and {control}, p = {chance}")
            ).format(**split, chance=f"{belief.ratio_chance:.2g}"),
        ),
        Check(
            belief.arms_as_drawn,
            gettext("each household is in the arm that the secret salt draws")
            if belief.arms_as_drawn
            else gettext("some households are in another arm than the secret salt draws"),
        ),
        Check(
            belief.treated_share >= _TREATED_ALARM,
            gettext("{share} of treatment were sent the care meant for them").format(
                share=share(belief.treated_share)
            ),
        ),
    ]
    compared = belief.treatment + belief.control
    if measured.looks and compared:
        known = 1 - belief.without_outcome / compared
        template = gettext("{share} of outcomes can be known")
        found.append(Check(known >= _KNOWN_ALARM, template.format(share=share(known))))
    withheld = measured.funnel.withheld
    contaminated = belief.contaminated / withheld if withheld else 0.0
    if belief.contaminated:
        template = gettext("{share} of the withheld were sent the same outside of this campaign")
        if contaminated > _CONTAMINATION_ALARM:
            template = gettext(
                "{share} of the withheld were sent the same outside of this campaign: the effect looks"
                " smaller than it is"
            )
        text = template.format(share=share(contaminated))
    else:
        text = gettext("none of the withheld were sent the same outside of this campaign")
    found.append(Check(contaminated <= _CONTAMINATION_ALARM, text))
    found.append(Check(True, gettext(words.READINGS[measured.campaign.reading])))
    return found


def _tiles(measured: Measurement, unit: Unit) -> dict[str, str]:
    texts, assumed = unit.texts, measured.assumed
    effect = measured.effect
    if effect is None:
        if not _is_assumed(measured):
            nothing = texts.gettext("nothing is assumed of this outcome")
            if measured.campaign.outcome == "stayed":
                template = texts.gettext("effects are assumed on staying for {days} days")
                nothing = template.format(days=ASSUMED_DAYS)
            return {"assumed": "–", "assumed_range": nothing}
        return {
            "assumed": unit.effect(assumed.value),
            "assumed_range": texts.gettext("{low} to {high}").format(
                low=unit.effect(assumed.low), high=unit.effect(assumed.high)
            ),
        }
    spent = measured.cost * measured.funnel.sent
    return {
        "spent": money(spent, measured.currency, texts),
        "cost": money(measured.cost, measured.currency, texts),
        **_total(effect, measured, unit),
        **_each(effect, spent, measured, unit),
    }


def _is_assumed(measured: Measurement) -> bool:
    """Whether what the catalogue assumes is on the campaign's outcome and days."""
    return catalogue_assumes(measured.campaign.outcome, measured.campaign.outcome_days)


def _total(effect: Effect, measured: Measurement, unit: Unit) -> dict[str, str]:
    """What the whole campaign did: the effect times the households of treatment. An effect below zero
    is told as what was lost.
    """
    texts, size = unit.texts, effect.treatment
    low, value, high = (size * number for number in (effect.low, effect.value, effect.high))
    if value < 0:
        low, value, high = -high, -value, -low
        template = {
            "stayed": texts.gettext("households lost by it, of {households} to be cared for"),
            "margin": texts.gettext("less margin, of {households} households to be cared for"),
            "no_repeat_contact": texts.gettext(
                "households that got in touch again for it, of {households} to be cared for"
            ),
        }[measured.campaign.outcome]
    else:
        template = {
            "stayed": texts.gettext("households kept, of {households} to be cared for"),
            "margin": texts.gettext("more margin, of {households} households to be cared for"),
            "no_repeat_contact": texts.gettext(
                "households spared a second contact, of {households} to be cared for"
            ),
        }[measured.campaign.outcome]

    def written(number: float) -> str:
        if measured.campaign.outcome == "margin":
            return money(number, measured.currency, texts)
        return words.whole(number)

    return {
        "total_label": template.format(households=count(size)),
        "total": written(value),
        "total_range": texts.gettext("{low} to {high}").format(
            low=written(low), high=written(high)
        ),
    }


def _each(effect: Effect, spent: float, measured: Measurement, unit: Unit) -> dict[str, str]:
    """What each household kept has cost; nothing where no effect is shown to be good."""
    texts = unit.texts
    if measured.campaign.outcome == "margin":
        return {
            "each_label": texts.gettext("mean margin of a household in control"),
            "each": unit.mean(effect.control_mean),
            "each_range": texts.gettext("{mean} in treatment").format(
                mean=unit.mean(effect.treatment_mean)
            ),
        }
    label = (
        texts.gettext("for each household kept")
        if measured.campaign.outcome == "stayed"
        else texts.gettext("for each household spared a second contact")
    )
    if effect.finding != "works":
        reason = texts.gettext("no good effect is shown")
        return {"each_label": label, "each": "–", "each_range": reason}
    low, value, high = (
        money(spent / (effect.treatment * number), measured.currency, texts)
        for number in (effect.high, effect.value, effect.low)
    )
    between = texts.gettext("{low} to {high}").format(low=low, high=high)
    return {"each_label": label, "each": value, "each_range": between}


def _chart(measured: Measurement, texts: Texts) -> Curves | None:
    if not measured.by_day:
        return None
    days = measured.by_day
    return curves(
        [texts.gettext("treatment"), texts.gettext("control")],
        [[day.treatment for day in days], [day.control for day in days]],
        [(max(day.control - day.chance, 0.0), day.control + day.chance) for day in days],
    )


def _groups(measured: Measurement, unit: Unit) -> Forest | None:
    texts = unit.texts

    def entry(label: str, effect: Effect) -> Entry:
        return Entry(
            label=label,
            estimate=Estimate(effect.value, effect.low, effect.high),
            text=f"{unit.effect(effect.value)} ({unit.between(effect)})",
            kind=_KINDS[effect.finding],
            note=count(effect.treatment + effect.control),
        )

    def of(groups: list[GroupEffect]) -> list[Entry]:
        return [entry(words.named(words.GROUPS, one.group, texts), one.effect) for one in groups]

    whole = measured.effect
    if whole is None:
        return None
    kinds = [
        (words.named(words.KINDS, kind, texts), of(list(members)))
        for kind, members in groupby(measured.groups, key=lambda one: one.kind)
    ]
    return forest(
        [("", [entry(texts.gettext("all"), whole)]), *kinds],
        factor=unit.factor,
        sign=True,
        reference=0.0,
        left=texts.gettext("harmful"),
        right=texts.gettext("good"),
    )


def _steps(measured: Measurement, texts: Texts) -> list[Step]:
    funnel = measured.funnel
    allowed = funnel.proposed - sum(funnel.refused.values())
    return [
        total(texts.gettext("A trigger holds"), funnel.proposed, funnel.proposed),
        *refusals(funnel.proposed, funnel.refused, texts),
        total(texts.gettext("Allowed"), allowed, funnel.proposed),
    ]


def _households(measured: Measurement, texts: Texts) -> list[Step]:
    funnel, gettext = measured.funnel, texts.gettext
    intended = funnel.intended
    rows = [
        total(gettext("Drawn"), intended, intended),
        Step(gettext("withheld from every offer (holdout)"), funnel.holdout, 100.0, 0.0),
        Step(gettext("withheld as control"), funnel.control, 100.0, 0.0),
    ]
    left, placed = 100.0, [rows[0]]
    for row in rows[1:]:
        after = left - (100 * row.count / intended if intended else 0.0)
        placed.append(Step(row.label, row.count, left, after))
        left = after
    placed.append(total(gettext("Sent a message"), funnel.sent, intended))
    if funnel.reported:
        placed.append(total(gettext("Reached, as channels report"), funnel.reached, intended))
        placed.append(total(gettext("Answered, as channels report"), funnel.answered, intended))
    return placed


def _needed(measured: Measurement, unit: Unit) -> list[tuple[str, str, str]]:
    """Smaller effects, and the households that would show them."""
    effect = measured.effect
    if effect is None:
        return []
    wanted = [(effect.smallest_seen * part, "") for part in (0.5, 0.25)]
    assumed = measured.assumed.value
    if _is_assumed(measured) and 0 < abs(assumed) < effect.smallest_seen:
        wanted.append((abs(assumed), unit.texts.gettext("assumed")))
    return [
        (unit.plain(value), words.about(effect.households_to_show(value)), note)
        for value, note in sorted(wanted, reverse=True)
    ]
