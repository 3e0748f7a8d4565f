"""Words of campaigns, for the terminal and the pages."""

from collections.abc import Mapping
from dataclasses import dataclass

from babel.numbers import format_currency

from care.campaign import Campaign, Outcome
from care.looks import Reading
from care.measure import FEWEST, Effect, Finding
from care.measurement import Measurement, NoEffect
from reports.kit.numbers import share, typeset
from reports.words.texts import ENGLISH, Texts, to_translate

HEADLINES: dict[Finding, str] = {
    "works": to_translate("It works"),
    "harms": to_translate("It does harm"),
    "not_shown": to_translate("No effect is shown"),
}
"""What the interval shows, in a line."""

NO_EFFECT: dict[NoEffect, str] = {
    "no_control": to_translate("No effect can be measured"),
    "not_drawn": to_translate("No effect can be claimed"),
    "ratio": to_translate("No effect can be claimed"),
    "not_matured": to_translate("Not known yet"),
    "too_few": to_translate("Too few households"),
    "rows_gone": to_translate("No effect can be measured any more"),
}
"""Why there is no effect, in a line."""

WHY_NO_EFFECT: dict[NoEffect, str] = {
    "no_control": to_translate(
        "Nothing was withheld at random, so there is nobody to compare with."
    ),
    "not_drawn": to_translate(
        "Some households are in another arm than the one that the home's salt draws. Who chose it, or"
        " whether the salt was replaced, must be explained first."
    ),
    "ratio": to_translate(
        "The arms are not as large as the draw makes them. Something else has decided who is in which,"
        " and any difference between them may come from that."
    ),
    "not_matured": to_translate("What came of the households is not known yet."),
    "too_few": to_translate(
        "An arm has fewer than {fewest} households, or hardly any in it with another outcome than the"
        " rest. No interval can be relied upon."
    ),
    "rows_gone": to_translate(
        "Rows of the raw tables that say what came of the households were kept for long enough and went,"
        " before an effect was recorded."
    ),
}
"""Why there is no effect."""

RULES = {
    "care_halted": to_translate("care was halted"),
    "do_not_contact": to_translate("want no contact through this channel"),
    "no_consent": to_translate("no consent to offers through this channel"),
    "profiling_objection": to_translate("object to profiling"),
    "minor": to_translate("under age, or of unknown age"),
    "do_not_call": to_translate("on the do-not-call register, or not compared with it lately"),
    "port_pending": to_translate("asked to take the number elsewhere, or it is not known"),
    "likely_non_payer": to_translate("likely not to pay"),
    "open_complaint": to_translate("a complaint is open: its solution comes first"),
    "incident_area": to_translate("the network at home is disturbed"),
    "other_campaign": to_translate("another campaign goes first"),
    "household_cap": to_translate("the household has had enough contact"),
    "cool_down": to_translate("the household was drawn for the same action lately"),
    "quiet_hours": to_translate("no hour of the next seven days is allowed"),
    "same_household": to_translate("another line of the household is planned"),
    "campaign_full": to_translate("the campaign is full"),
}
"""What refuses a proposal, by the codes of `care.policy.reason_codes`."""

CHANNELS = {
    "sms": to_translate("SMS"),
    "email": to_translate("email"),
    "app": to_translate("app"),
    "phone": to_translate("phone"),
    "post": to_translate("post"),
    "store": to_translate("store"),
}
"""Channels of contacts."""

REPORTED = {
    "sent": to_translate("sent by the channel"),
    "delivered": to_translate("delivered"),
    "accepted": to_translate("accepted"),
    "resolved": to_translate("resolved"),
    "retained": to_translate("retained"),
    "churned": to_translate("left"),
    "answered": to_translate("answered"),
    "complained": to_translate("complained"),
    "opted_out": to_translate("opted out of contact"),
    "opened": to_translate("opened"),
    "clicked": to_translate("clicked"),
    "declined": to_translate("declined"),
}
"""What channels report of decisions."""

OUTCOMES: dict[Outcome, str] = {
    "stayed": to_translate("share of a household's lines that stay"),
    "margin": to_translate("margin of a household, contacts deducted"),
    "no_repeat_contact": to_translate("households that do not get in touch again"),
}
"""What campaigns are measured by."""

READINGS: dict[Reading, str] = {
    "once": to_translate("read once, on the day set before"),
    "planned_looks": to_translate(
        "read on the days set before alone, with intervals that allow for it"
    ),
    "any_day": to_translate("read on any day, with an interval that allows for it"),
}
"""When campaigns are read."""

KINDS = {
    "billing_type": to_translate("How the line is paid"),
    "tenure": to_translate("Time with the operator"),
}
"""What tells groups apart."""

GROUPS = {
    "postpaid": to_translate("postpaid"),
    "prepaid": to_translate("prepaid"),
    "fixed": to_translate("fixed"),
    "under 1 year": to_translate("under 1 year"),
    "1 to 3 years": to_translate("1 to 3 years"),
    "over 3 years": to_translate("over 3 years"),
    "unknown": to_translate("not known"),
}
"""Groups of households."""


_SENTENCES: dict[tuple[Outcome, Finding], str] = {
    ("stayed", "works"): to_translate(
        "Of a hundred lines of households that were to be cared for, {value} more stayed {days} days"
        " than of a hundred like them that were not, and hardly fewer than {least} more."
    ),
    ("stayed", "harms"): to_translate(
        "Of a hundred lines of households that were to be cared for, {value} fewer stayed {days} days"
        " than of a hundred like them that were not, and hardly fewer than {least} were lost so."
    ),
    ("margin", "works"): to_translate(
        "A household that was to be cared for brought in {value} {unit} more in {days} days than one"
        " like it that was not, and hardly less than {least} more. The cost of contacts is deducted."
    ),
    ("margin", "harms"): to_translate(
        "A household that was to be cared for brought in {value} {unit} less in {days} days than one"
        " like it that was not, and hardly less than {least} is lost so. The cost of contacts is"
        " deducted."
    ),
    ("no_repeat_contact", "works"): to_translate(
        "Of a hundred households that were to be cared for, {value} more did not get in touch again"
        " in {days} days than of a hundred like them that were not, and hardly fewer than {least}."
    ),
    ("no_repeat_contact", "harms"): to_translate(
        "Of a hundred households that were to be cared for, {value} more got in touch again in {days}"
        " days than of a hundred like them that were not, and hardly fewer than {least}."
    ),
}


@dataclass(frozen=True)
class Unit:
    """How an outcome and effects on it are written.

    Parameters
    ----------
    outcome : str
        What the campaign is measured by.
    days : int
        Days over which it is counted.
    currency : str
        Of margins, ISO 4217.
    texts : Texts
        In which language.
    """

    outcome: Outcome
    days: int
    currency: str
    texts: Texts = ENGLISH

    @property
    def factor(self) -> float:
        """What an effect is shown times."""
        return 1.0 if self.outcome == "margin" else 100.0

    @property
    def word(self) -> str:
        """What an effect is counted in."""
        return self.currency if self.outcome == "margin" else self.texts.gettext("points")

    @property
    def what(self) -> str:
        """What an effect is on: with its sign, of what there is more or less."""
        template = {
            "stayed": self.texts.gettext("of lines that stayed {days} days"),
            "margin": self.texts.gettext("of margin per household in {days} days"),
            "no_repeat_contact": self.texts.gettext(
                "of households that did not get in touch again in {days} days"
            ),
        }[self.outcome]
        return template.format(days=self.days)

    def plain(self, value: float) -> str:
        """The size of an effect, without a sign."""
        return self._written(abs(value)).lstrip("+")

    def effect(self, value: float) -> str:
        """An effect with its sign."""
        return self._written(value)

    def between(self, effect: Effect) -> str:
        """The interval of an effect."""
        template = self.texts.gettext("{low} to {high}")
        return template.format(low=self.effect(effect.low), high=self.effect(effect.high))

    def mean(self, value: float) -> str:
        """A mean outcome of an arm."""
        return money(value, self.currency, self.texts) if self.outcome == "margin" else share(value)

    def _written(self, value: float) -> str:
        digits = 2 if self.outcome == "margin" else 1
        return typeset(f"{self.factor * value:+,.{digits}f}")


def unit_of(campaign: Campaign, currency: str, texts: Texts = ENGLISH) -> Unit:
    """How the outcome of a campaign is written."""
    return Unit(campaign.outcome, campaign.outcome_days, currency, texts)


def money(amount: float, currency: str, texts: Texts = ENGLISH) -> str:
    """An amount in its currency, whole from 100 on."""
    locale = texts.language.replace("-", "_")
    if abs(amount) < 100:
        return format_currency(amount, currency, locale=locale)
    return format_currency(amount, currency, "¤#,##0", locale=locale, currency_digits=False)


def named(words: Mapping[str, str], code: str, texts: Texts) -> str:
    """The words of a code; the code itself where it is an operator's own, or of a later release."""
    return texts.gettext(words[code]) if code in words else code.replace("_", " ")


def whole(number: float) -> str:
    """A whole number with its sign, where it is below zero."""
    return typeset(f"{number:,.0f}")


def about(number: int) -> str:
    """A whole number to three digits.

    >>> about(57_909), about(812)
    ('57,900', '812')
    """
    digits = max(len(str(number)) - 3, 0)
    return f"{round(number, -digits):,}"


def headline(measured: Measurement, texts: Texts = ENGLISH) -> str:
    """What is known of a campaign, in a line."""
    if measured.effect is not None:
        return texts.gettext(HEADLINES[measured.effect.finding])
    return texts.gettext(NO_EFFECT[_why_not(measured)])


def meaning(measured: Measurement, texts: Texts = ENGLISH) -> list[str]:
    """What that may mean, in sentences."""
    if measured.effect is not None:
        return _meaning_of(measured.effect, measured.campaign, measured.currency, texts)
    sentences = [texts.gettext(WHY_NO_EFFECT[_why_not(measured)]).format(fewest=FEWEST)]
    if measured.known_on is not None and measured.belief.can_be_told:
        template = (
            texts.gettext("The effect may be read on {day}, and not before.")
            if measured.campaign.reading == "once"
            else texts.gettext("The next look is on {day}.")
        )
        sentences.append(template.format(day=f"{measured.known_on:%Y-%m-%d}"))
    return sentences


def _why_not(measured: Measurement) -> NoEffect:
    """Why there is no effect; few households are no reason yet where a later look may have more."""
    if measured.why_not in (None, "too_few") and measured.known_on is not None:
        return "not_matured"
    return measured.why_not or "not_matured"


def _meaning_of(effect: Effect, campaign: Campaign, currency: str, texts: Texts) -> list[str]:
    unit = unit_of(campaign, currency, texts)
    if effect.finding == "not_shown":
        range_ = texts.gettext(
            "The effect may lie anywhere from {low} to {high} {unit}, and zero is among them."
            " That is no proof that there is none."
        ).format(low=unit.effect(effect.low), high=unit.effect(effect.high), unit=unit.word)
        return [range_]
    # Of an effect that harms, the mildest end is the one near zero too.
    least = effect.low if effect.finding == "works" else effect.high
    return [
        texts.gettext(_SENTENCES[campaign.outcome, effect.finding]).format(
            value=unit.plain(effect.value),
            least=unit.plain(least),
            days=campaign.outcome_days,
            unit=unit.word,
        )
    ]
