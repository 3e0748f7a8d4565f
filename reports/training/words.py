"""Words of the training report: what is predicted, names of figures, and what to do about a rule of
the gate that is not met.
"""

from dataclasses import dataclass
from functools import partial

from holdfast.sentences import Sentence, worded
from reports.words.texts import ENGLISH, Texts, to_translate
from training.evaluation.assess import EVERYBODY
from training.evaluation.leaks import Flag
from training.release.sentences import TEMPLATES
from training.release.verdict import Finding, Verdict


@dataclass(frozen=True)
class TargetWords:
    """Words for a target.

    Parameters
    ----------
    one, many : str
        What one row is, and many.
    outcome : str
        The outcome with label 1; reads after "is" and "are".
    positive, negative : str
        One row with the outcome, and one without; read as "... and ...".
    has_profit : bool
        The profit of a retention campaign has a meaning.
    """

    one: str
    many: str
    outcome: str
    positive: str
    negative: str
    has_profit: bool = False


@dataclass(frozen=True)
class Refusal:
    """A rule of the gate that is not met.

    Parameters
    ----------
    rule : str
        As in `training.release.gate.Finding`.
    title : str
        What is wrong, in a few words.
    messages : tuple of str
        What was found.
    remedy : str
        What to do about it.
    """

    rule: str
    title: str
    messages: tuple[str, ...]
    remedy: str

    @property
    def shortened(self) -> bool:
        """There are more messages than are shown at first."""
        return len(self.messages) > _MOST_MESSAGES


_MOST_MESSAGES = 2

_TARGETS = {
    "churn": TargetWords(
        to_translate("subscription"),
        to_translate("subscriptions"),
        to_translate("lost"),
        to_translate("one subscription that is lost"),
        to_translate("one that is not"),
        has_profit=True,
    ),
    "non_payment": TargetWords(
        to_translate("subscription"),
        to_translate("subscriptions"),
        to_translate("ended unpaid"),
        to_translate("one subscription that is ended unpaid"),
        to_translate("one that is not"),
    ),
    "csat_low": TargetWords(
        to_translate("customer"),
        to_translate("customers"),
        to_translate("dissatisfied"),
        to_translate("one customer who is dissatisfied"),
        to_translate("one who is not"),
    ),
    "nps_detractor": TargetWords(
        to_translate("customer"),
        to_translate("customers"),
        to_translate("unlikely to recommend us"),
        to_translate("one customer who is unlikely to recommend us"),
        to_translate("one who is not"),
    ),
    "contact_csat_low": TargetWords(
        to_translate("contact"),
        to_translate("contacts"),
        to_translate("rated low"),
        to_translate("one contact that is rated low"),
        to_translate("one that is not"),
    ),
}

_RULES: dict[str, tuple[str, str]] = {
    "complete": (
        to_translate("Something is missing"),
        to_translate(
            "Train a new version with holdfast train: only its versions have all that the gate reads."
        ),
    ),
    "nothing_found": (
        to_translate("Nothing found"),
        to_translate(
            "Check the labels and which features are missing. More months, or more customers, may show a model."
        ),
    ),
    "positives": (
        to_translate("Too few outcomes for an evaluation"),
        to_translate(
            "Wait for more history, or evaluate on a longer test period (HOLDFAST_LABEL_TEST_SHARE)."
        ),
    ),
    "months": (
        to_translate("Too few months for an evaluation"),
        to_translate(
            "Wait until later cut-offs have their labels, and train again, or evaluate on a longer test period"
            " (HOLDFAST_LABEL_TEST_SHARE). It may score as shadow."
        ),
    ),
    "better_than_constant": (
        to_translate("Not better than the share among the training rows"),
        to_translate(
            "If a logistic regression is not better than that share either, the features do not predict the outcome."
        ),
    ),
    "champion": (
        to_translate("Not as good as the champion"),
        to_translate("Keep the champion, or try more parameters (--trials)."),
    ),
    "slope": (
        to_translate("Probabilities too extreme or too cautious"),
        to_translate(
            "See the curves under Are the probabilities right. More training rows, or newer ones, may help."
        ),
    ),
    "observed_over_expected": (
        to_translate("Probabilities too high, or too low"),
        to_translate(
            "By more than a season explains, or in one stratum and not in the others: train on newer cut-offs."
        ),
    ),
    "level": (
        to_translate("The level of risk is assumed"),
        to_translate(
            "One test period does not tell a wrong level from a season. It may score as shadow; train again on later cut-offs."
        ),
    ),
    "top_deciles": (
        to_translate("Probabilities wrong among the riskiest"),
        to_translate(
            "See the curves under Are the probabilities right: orange dots are outside their bounds."
        ),
    ),
    "slices": (
        to_translate("Much worse for some slices"),
        to_translate("See below what these slices have in common: their rows may lack a feature."),
    ),
    "refit": (
        to_translate("What scores is not what was evaluated"),
        to_translate(
            "The newest rows changed the model much. Look at what is new in them, and train again when more labels are complete."
        ),
    ),
    "explanation_cost": (
        to_translate("Too slow to explain"),
        to_translate(
            "Raise the price of leaves (HOLDFAST_TUNING_EXPLANATION_PRICE) and train again."
        ),
    ),
    "additivity": (
        to_translate("Explanations do not add up"),
        to_translate(
            "Train a new version. If this remains, the explanations are not those of the boosters."
        ),
    ),
    "leaks": (
        to_translate("Figures probably too optimistic"),
        to_translate(
            "Leave the column out, or give the reason why it is no leak: holdfast models promote --explain-flag 'COLUMN=REASON'."
        ),
    ),
    "loads": (to_translate("It cannot be loaded"), to_translate("Train a new version.")),
    "scores": (to_translate("It does not score"), to_translate("Train a new version.")),
    "online": (
        to_translate("Features missing online"),
        to_translate("Run holdfast features materialize, then promote again."),
    ),
    "columns": (
        to_translate("Columns changed since training"),
        to_translate("Train a new version on the features as they are now."),
    ),
}


_DOCUMENT_RULES = frozenset(
    {
        to_translate("is missing"),
        to_translate("must be a finite number"),
        to_translate("must be an object that names its kind"),
    }
)
"""Rules of documents, as `holdfast.documents` puts them; others, which pydantic puts, are not
translated.
"""

_ABOUT = frozenset(
    {
        to_translate("the customer gives the subscription up by their own choice"),
        to_translate("the subscription is ended because it is not paid for"),
        to_translate("the customer answers the next relationship survey with 2 or less of 5"),
        to_translate(
            "the customer answers 0 to 6 of 10 in the next relationship survey when asked whether to recommend us"
        ),
        to_translate("the customer answers a survey about this contact with 2 or less of 5"),
        to_translate("Probability that a row with the outcome ranks above a row without"),
        to_translate("Mean precision over the positions of all hits in the ranking"),
        to_translate(
            "Mean negative log-likelihood; compare it with that of the share among the training rows"
        ),
        to_translate("Mean squared distance between probability and outcome"),
        to_translate(
            "Calibration slope; below 1 the probabilities are too extreme, above 1 too cautious"
        ),
        to_translate("Positives over the sum of the probabilities"),
        to_translate(
            "Mean distance between predicted and observed shares over ten groups of equal size"
        ),
        to_translate("Share of hits in the riskiest tenth over the share in all rows"),
        to_translate("Share of hits in the riskiest tenth"),
        to_translate(
            "Share of hits among the riskiest that care can look after, over the share in all rows"
        ),
        to_translate("Share of hits among the riskiest that care can look after"),
        to_translate(
            "Expected maximum profit of a retention campaign, per row (Verbraken et al. 2013)"
        ),
        to_translate("The same as a share of what a perfect ranking would earn"),
        to_translate("Assumed: no invitation says whether a reminder was drawn at random"),
        to_translate(
            "Assumed: all invitations were drawn for a reminder, or none: nothing can be compared"
        ),
        to_translate("Assumed: too few customers answered with a reminder drawn, or without one"),
        to_translate(
            "Assumed: customers drawn for a reminder differ from the others, so that the draw"
            " does not look random"
        ),
        to_translate("Assumed: the reminder is not shown to bring more answers"),
        to_translate(
            "Assumed: those who answer only when reminded are not shown to be more or less often"
            " dissatisfied than those who answer at once"
        ),
        to_translate(
            "Estimated on one side from a reminder drawn at random, if those who never answer"
            " differ from those who answer at once at least as much as those who answer only when"
            " reminded; assumed on the other side"
        ),
        to_translate("Unweighted AUC, of those who answered: all answers count the same"),
        to_translate(
            "Weighted AUC, of all who were invited: each answer counts for those whom it represents, as"
            " far as other columns predict who answers"
        ),
        to_translate(
            "Both compare with single answers, which vary by the mood of the day: lasting satisfaction may"
            " be ranked better than they say"
        ),
        to_translate(
            "answers represent all eligible customers, by the probability of being invited and by the"
            " estimated probability of answering"
        ),
    }
)
"""What targets, metrics, rankings of answers, reminders and weights are about, as `models.targets`,
`training.evaluation.metrics`, `training.evaluation.assessment`, `training.surveys.reminder` and
`training.surveys.dataset` put it.
"""

_NAMES = frozenset(
    {
        # metrics
        to_translate("auc"),
        to_translate("average precision"),
        to_translate("log loss"),
        to_translate("brier"),
        to_translate("slope"),
        to_translate("observed over expected"),
        to_translate("ece"),
        to_translate("lift top decile"),
        to_translate("precision top decile"),
        to_translate("lift capacity"),
        to_translate("precision capacity"),
        to_translate("empc"),
        to_translate("empc share"),
        # columns of slices, and values that are the same for every operator
        to_translate("billing type"),
        to_translate("segment"),
        to_translate("region"),
        to_translate("tenure"),
        to_translate("language"),
        to_translate("age band"),
        to_translate("postpaid"),
        to_translate("prepaid"),
        to_translate("fixed"),
        to_translate("consumer"),
        to_translate("sole trader"),
        to_translate("sme"),
        to_translate("enterprise"),
        to_translate("under 1 year"),
        to_translate("1 to 3 years"),
        to_translate("over 3 years"),
        to_translate("under 18"),
        to_translate("75 over"),
        to_translate("unknown"),
        to_translate("other"),
        # calibrations
        to_translate("platt"),
        to_translate("beta"),
        to_translate("isotonic"),
        # the model of the probability of answering
        to_translate("kind"),
        to_translate("rounds"),
        to_translate("answers"),
        to_translate("invitations"),
        to_translate("rows"),
        to_translate("log loss of rate"),
        to_translate("fitted until"),
        to_translate("boosters"),
        to_translate("one rate"),
        # what the leak watch looks for
        to_translate("single column"),
        to_translate("missingness"),
        to_translate("duplicate rows"),
        to_translate("too good"),
        to_translate("id like"),
    }
)
"""Names that mean the same in every home; others, such as regions, are the operator's own."""


def target_words(name: str, texts: Texts = ENGLISH) -> TargetWords:
    """Words for a target; general ones for a target that is not known here."""
    gettext = texts.gettext
    words = _TARGETS.get(name)
    if words is None:
        positive = gettext("positive for {target}").format(target=name)
        return TargetWords(
            gettext("row"),
            gettext("rows"),
            positive,
            gettext("one row that is {outcome}").format(outcome=positive),
            gettext("one that is not"),
        )
    return TargetWords(
        one=gettext(words.one),
        many=gettext(words.many),
        outcome=gettext(words.outcome),
        positive=gettext(words.positive),
        negative=gettext(words.negative),
        has_profit=words.has_profit,
    )


def plain(name: str) -> str:
    """A name without underscores."""
    return name.replace("_", " ")


def named(name: str, texts: Texts = ENGLISH) -> str:
    """A name in words; without underscores where it is a team's own."""
    words = plain(name)
    return texts.gettext(words) if words in _NAMES else words


def about(sentence: str, texts: Texts = ENGLISH) -> str:
    """What a target or a metric is about; as it stands for one that is not known here."""
    return texts.gettext(sentence) if sentence in _ABOUT else sentence


def refusals(verdict: Verdict, texts: Texts = ENGLISH) -> tuple[Refusal, ...]:
    """The rules that a version does not meet, in the order in which they were found."""
    by_rule: dict[str, list[Finding]] = {}
    for finding in verdict.reasons:
        by_rule.setdefault(finding.rule, []).append(finding)
    return tuple(_refusal(rule, findings, texts) for rule, findings in by_rule.items())


def _refusal(rule: str, findings: list[Finding], texts: Texts) -> Refusal:
    title, remedy = _RULES.get(rule, ("", ""))
    return Refusal(
        rule=rule,
        title=texts.gettext(title) if title else plain(rule).capitalize(),
        messages=tuple(found_words(finding.sentence, texts) for finding in findings),
        remedy=texts.gettext(remedy) if remedy else "",
    )


def found_words(found: Sentence, texts: Texts = ENGLISH) -> str:
    """A sentence of the gate, or of a comparison with the champion, in words."""
    return worded(found, TEMPLATES, texts.gettext, partial(_in_sentence, texts=texts))


def _in_sentence(name: str, texts: Texts) -> str:
    if name == EVERYBODY:
        return texts.gettext("all")
    return texts.gettext(name) if name in _DOCUMENT_RULES else named(name, texts)


def flag_remedy(flag: Flag, texts: Texts = ENGLISH, *, registered: bool = True) -> str:
    """What to do about it; where a version was registered, also when it is promoted."""
    if flag.kind == "duplicate_rows":
        return _remedy(
            texts.gettext("Find out why rows repeat in the raw tables."),
            texts.gettext("If they are right, say so when you promote.") if registered else "",
            texts,
        )
    if flag.kind == "too_good":
        return texts.gettext(
            "Look at the strongest reasons under What drives risk: leave out columns that are known only after the outcome."
        )
    known = texts.gettext("If it is known for everybody at the cut-off, say so when you promote.")
    return _remedy(
        texts.gettext(
            "If it is filled in or changed after the outcome, correct its time of arrival in the raw tables, or take the feature"
            " out of the service."
        ),
        known if registered else "",
        texts,
    )


def _remedy(first: str, second: str, texts: Texts) -> str:
    """Two sentences; Chinese has no space between them."""
    return texts.gettext("{first} {second}").format(first=first, second=second).strip()
