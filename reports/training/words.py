"""Words of the training report: what is predicted, who was left out, what the gate asks and what
can be done about it.
"""

from dataclasses import dataclass

from training.evaluation.leaks import Flag
from training.release.verdict import Finding, Verdict


@dataclass(frozen=True)
class TargetWords:
    """How to speak of a target.

    Parameters
    ----------
    one, many : str
        What a row is about.
    outcome : str
        What it is when the label is 1; reads after "is" and "are".
    which : {"that", "who"}
        Begins a clause about it.
    has_profit : bool
        The profit of a retention campaign means something.
    """

    one: str
    many: str
    outcome: str
    which: str = "that"
    has_profit: bool = False


@dataclass(frozen=True)
class Refusal:
    """A demand of the gate that is not met.

    Parameters
    ----------
    rule : str
        As in `training.release.gate.Finding`.
    title : str
        What is wrong, in a few words.
    messages : tuple of str
        What was found.
    remedy : str
        What can be done about it.
    """

    rule: str
    title: str
    messages: tuple[str, ...]
    remedy: str

    @property
    def shortened(self) -> bool:
        """Too much was found to be told at first."""
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
    "enterprise": "of enterprises, who are looked after by account",
    "new": "known for too short a time",
    "cancelling": "already cancelling",
    "ended": "already ended",
    "porting": "asked to port out",
    "inactive": "prepaid and already inactive",
    "silent": "prepaid and already inactive",  # as versions made earlier call it
    "no_history": "without feature history",
    "other_billing_type": "of another billing type",
    "in_gap": "lost inside the gap",
    "incomplete": "prepaid, and silence could not be told yet when the data ended",
    "censored": "what became of it is not known",
    "care": "our own care stepped in",
    "not_at_risk": "of nobody who can be asked",
    "purged": "labels would reach into the test period",
    "use_unknown": "prepaid, and nothing is told of its use",
}

_RULES: dict[str, tuple[str, str]] = {
    "complete": (
        "Something is missing",
        "Train it anew; only what holdfast train made has all that the gate reads.",
    ),
    "positives": (
        "Too few outcomes to go by",
        "Wait for more history, or evaluate on a longer test period (HOLDFAST_LABEL_TEST_SHARE).",
    ),
    "better_than_constant": (
        "Not better than knowing nothing",
        "See under Is it better whether a logistic regression finds anything; if not, the features do not tell.",
    ),
    "champion": ("Not as good as the champion", "Keep the champion, or search longer (--trials)."),
    "slope": (
        "Probabilities too extreme or too cautious",
        "See the curves under Do probabilities mean what they say; more calibration rows, or newer ones, may mend it.",
    ),
    "observed_over_expected": (
        "Probabilities too high or too low throughout",
        "The level has moved since the calibration rows: train on newer cut-offs.",
    ),
    "top_deciles": (
        "Wrong where care acts: among the riskiest",
        "See the curves under Do probabilities mean what they say; the orange dots lie outside their bounds.",
    ),
    "slices": (
        "Much worse for some",
        "See under On which of them what these have in common; a feature may be missing there.",
    ),
    "explanation_cost": (
        "Too slow to explain",
        "Raise the price of leaves (HOLDFAST_TUNING_EXPLANATION_PRICE) and train again.",
    ),
    "additivity": (
        "Explanations do not add up",
        "Train it anew; if it stays, the boosters are not what explains them.",
    ),
    "leaks": (
        "Too good to be believed",
        "Leave the column out, or say why it is no leak when promoting: --explain-flag 'COLUMN=REASON'.",
    ),
    "loads": ("It cannot be loaded", "Train it anew."),
    "scores": ("It does not score", "Train it anew."),
    "online": (
        "Features that are not there online",
        "Run holdfast features materialize, then ask again.",
    ),
    "columns": (
        "Columns are not what they were in training",
        "Train it anew on the features as they are now.",
    ),
}


def target_words(name: str) -> TargetWords:
    """How to speak of a target; of one that is not known here, in general words."""
    return _TARGETS.get(name, TargetWords("row", "rows", f"positive for {name}"))


def excluded_words(reason: str) -> str:
    """Why rows were left out."""
    return _EXCLUDED.get(reason, plain(reason))


def plain(name: str) -> str:
    """A name of ours without underscores."""
    return name.replace("_", " ")


def refusals(verdict: Verdict) -> tuple[Refusal, ...]:
    """What speaks against a version, by demand, in the order in which it was found."""
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


def flag_title(flag: Flag, outcome: str) -> str:
    """What the leak watch found, in a line."""
    if flag.kind == "single_column":
        return f"{flag.column} alone nearly knows what is {outcome}"
    if flag.kind == "missingness":
        return f"Whether {flag.column} is filled in tells what is {outcome}"
    if flag.kind == "id_like":
        return f"{flag.column} looks like an id"
    return "Rows repeat" if flag.kind == "duplicate_rows" else "The model is too good to be true"


def flag_meaning(flag: Flag) -> str:
    """What was measured, and why it matters."""
    if flag.kind == "single_column":
        return (
            f"That column alone ranks rows with an AUC of {flag.figure:.3f}. What knows so much is often written after the fact;"
            " then the model is of no use before it."
        )
    if flag.kind == "missingness":
        return (
            f"Being blank or not, whatever the value, ranks rows with an AUC of {flag.figure:.3f}. Often such a column is filled"
            " in when it happens, or known only of whoever was asked."
        )
    if flag.kind == "id_like":
        return f"{100 * flag.figure:.1f} % of its values are different: a model can learn single rows by it, and nothing else."
    if flag.kind == "duplicate_rows":
        return (
            f"{100 * flag.figure:.1f} % of rows repeat an earlier one, outcome included: a row is predicted too"
            " well by a model that has learnt its twin."
        )
    return (
        f"Its AUC is {flag.figure:.3f}. Such things are hardly ever known that well in advance: some column probably knows the"
        " outcome."
    )


def flag_remedy(flag: Flag) -> str:
    """What to do about it."""
    if flag.kind == "duplicate_rows":
        return "Find out why rows repeat in the raw tables; if that is as it should be, say so when promoting."
    if flag.kind == "too_good":
        return "Look at what drives risk below: what can be known only afterwards must go."
    return (
        "If it is written or changed once the outcome is known, correct in the raw tables when it arrived, or take the feature"
        " out of the service. If it is known of everybody at the cut-off, say so when promoting."
    )
