"""Words of the training report: what is predicted, which rows were left out, and what to do about
a rule of the gate that is not met.
"""

from dataclasses import dataclass

from training.evaluation.leaks import Flag
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
    which : {"that", "who"}
        Starts a clause about one row.
    has_profit : bool
        The profit of a retention campaign has a meaning.
    """

    one: str
    many: str
    outcome: str
    which: str = "that"
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
    "churn": TargetWords("subscription", "subscriptions", "lost", has_profit=True),
    "non_payment": TargetWords("subscription", "subscriptions", "ended unpaid"),
    "csat_low": TargetWords("customer", "customers", "dissatisfied", "who"),
    "nps_detractor": TargetWords("customer", "customers", "unlikely to recommend us", "who"),
    "contact_csat_low": TargetWords("contact", "contacts", "rated low"),
}

_EXCLUDED = {
    "iot": "lines of machines (IoT)",
    "test": "test lines",
    "employee": "employees' lines",
    "iot_test_employee": "only lines of machines, tests or employees",
    "suspended": "suspended",
    "enterprise": "of enterprises, which have an account manager",
    "new": "too new: not enough history",
    "cancelling": "already cancelling",
    "ended": "already ended",
    "porting": "asked to port out",
    "inactive": "prepaid and already inactive",
    "silent": "prepaid and already inactive",  # as versions made earlier call it
    "no_history": "without feature history",
    "other_billing_type": "of another billing type",
    "in_gap": "lost inside the gap",
    "incomplete": "prepaid, and the data ended before inactivity could be decided",
    "censored": "outcome not known",
    "care": "touched by our own care",
    "not_at_risk": "of nobody who can be surveyed",
    "purged": "label would reach into the test period",
    "use_unknown": "prepaid, and its use is not known",
}

_RULES: dict[str, tuple[str, str]] = {
    "complete": (
        "Something is missing",
        "Train a new version with holdfast train: only its versions have all that the gate reads.",
    ),
    "positives": (
        "Too few outcomes for an evaluation",
        "Wait for more history, or evaluate on a longer test period (HOLDFAST_LABEL_TEST_SHARE).",
    ),
    "better_than_constant": (
        "Not better than a constant",
        "If a logistic regression is not better than a constant either, the features do not predict the outcome.",
    ),
    "champion": (
        "Not as good as the champion",
        "Keep the champion, or try more parameters (--trials).",
    ),
    "slope": (
        "Probabilities too extreme or too cautious",
        "See the curves under Are the probabilities right. More training rows, or newer ones, may help.",
    ),
    "observed_over_expected": (
        "Probabilities too high, or too low",
        "By more than a season explains, or in one stratum and not in the others: train on newer cut-offs.",
    ),
    "level": (
        "The level of risk is assumed",
        "One test period does not tell a wrong level from a season. It may score as shadow; train again on later cut-offs.",
    ),
    "top_deciles": (
        "Probabilities wrong among the riskiest",
        "See the curves under Are the probabilities right: orange dots are outside their bounds.",
    ),
    "slices": (
        "Much worse for some slices",
        "See below what these slices have in common: their rows may lack a feature.",
    ),
    "explanation_cost": (
        "Too slow to explain",
        "Raise the price of leaves (HOLDFAST_TUNING_EXPLANATION_PRICE) and train again.",
    ),
    "additivity": (
        "Explanations do not add up",
        "Train a new version. If this remains, the explanations are not those of the boosters.",
    ),
    "leaks": (
        "Figures probably too optimistic",
        "Leave the column out, or give the reason why it is no leak: holdfast models promote --explain-flag 'COLUMN=REASON'.",
    ),
    "loads": ("It cannot be loaded", "Train a new version."),
    "scores": ("It does not score", "Train a new version."),
    "online": (
        "Features missing online",
        "Run holdfast features materialize, then promote again.",
    ),
    "columns": (
        "Columns changed since training",
        "Train a new version on the features as they are now.",
    ),
}


def target_words(name: str) -> TargetWords:
    """Words for a target; general ones for a target that is not known here."""
    return _TARGETS.get(name, TargetWords("row", "rows", f"positive for {name}"))


def excluded_words(reason: str) -> str:
    """Why rows were left out."""
    return _EXCLUDED.get(reason, plain(reason))


def plain(name: str) -> str:
    """A name without underscores."""
    return name.replace("_", " ")


def refusals(verdict: Verdict) -> tuple[Refusal, ...]:
    """The rules that a version does not meet, in the order in which they were found."""
    by_rule: dict[str, list[Finding]] = {}
    for finding in verdict.reasons:
        by_rule.setdefault(finding.rule, []).append(finding)
    return tuple(
        Refusal(
            rule=rule,
            title=_RULES.get(rule, (plain(rule).capitalize(), ""))[0],
            messages=tuple(finding.message for finding in findings),
            remedy=_RULES.get(rule, ("", ""))[1],
        )
        for rule, findings in by_rule.items()
    )


def flag_remedy(flag: Flag) -> str:
    """What to do about it."""
    if flag.kind == "duplicate_rows":
        return "Find out why rows repeat in the raw tables. If they are right, say so when you promote."
    if flag.kind == "too_good":
        return "Look at the strongest reasons under What drives risk: leave out columns that are known only after the outcome."
    return (
        "If it is filled in or changed after the outcome, correct its time of arrival in the raw tables, or take the feature"
        " out of the service. If it is known for everybody at the cut-off, say so when you promote."
    )
