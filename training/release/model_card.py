"""Model card, as Markdown: what a version is for, how it was made, how good it is and for which
customers, and what it must not be used for.

Everything in it is read from the documents stored with the version.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from holdfast.documents import read_document
from holdfast.errors import InputError
from holdfast.sentences import worded
from models.level.revision import LevelRevision
from models.targets import TARGETS
from training.evaluation.assess import EVERYBODY, has_strata
from training.evaluation.assessment import (
    ANSWERS_VARY,
    ASSESSMENT,
    Assessment,
    CalibrationFigures,
    Estimate,
    Slice,
)
from training.evaluation.baselines import baseline_name
from training.evaluation.metrics import METRICS
from training.labelling.care.told import CARE_WORDS, care_rows
from training.labelling.exclusions import EXCLUDED
from training.labelling.maturity import maturity_lines
from training.release.calibration_rules import TOP_DECILES
from training.release.facts import (
    EVALUATED,
    NEWER,
    SERVED,
    SURVEY,
    TRAINING,
    TrainingFacts,
    parameters_in_words,
)
from training.release.level import LEVEL_COLUMNS, LEVEL_OF_ONE_PERIOD, find_level, level_rows
from training.release.refit import RefitFacts, read_refit
from training.release.sentences import TEMPLATES
from training.surveys.told import SURVEY_WORDS, reminder_lines, survey_rows

MODEL_CARD = "model_card.md"

_LIMITS = (
    (
        "A probability is the risk without any action. It does not predict who would stay because of an"
        " offer: that needs an experiment."
    ),
    "Reasons are associations with a prediction, not causes.",
    (
        "Figures are of the test period. They get worse with time; train again when the months after"
        " training show that."
    ),
    (
        "It does not apply to the rows that were left out, such as enterprises, which account managers"
        " look after."
    ),
    (
        "It must not decide about credit, prices or service levels, nor about how a request to leave is"
        " answered."
    ),
)


def model_card(
    name: str,
    number: str,
    documents: Mapping[str, Any],
    verdict: Mapping[str, Any] | None,
    aliases: Iterable[str] = (),
) -> str:
    """Write a model card.

    Parameters
    ----------
    name, number : str
        The version.
    documents : mapping of str to JSON
        Documents stored with it.
    verdict : mapping or None
        The last verdict of the gate, from `training.release.promotion.verdicts`.
    aliases : iterable of str
        Its aliases.

    Returns
    -------
    str
        Markdown. For a document that is missing or damaged, the card says so.
    """
    facts, assessments = _facts(documents), _assessments(documents)
    refit = read_refit(documents)
    target = TARGETS.get(name)
    lines = [f"# Model card: {name}, version {number}", "", _standing(verdict, aliases)]
    lines += ["", "## What it is for", ""]
    if target is None:
        lines.append(f"It predicts `{name}`.")
    else:
        days = ", ".join(map(str, target.horizons_days))
        lines.append(
            f"It gives, for one {target.entity}, the probability that {target.about}, within {days} days after the gap."
        )
    lines.append(
        "Its probabilities, bands and reasons help to decide which customers to look after first."
    )
    lines += [
        "",
        "## Training rows",
        "",
        *(_data(facts, refit) if facts else [f"Not recorded: no readable `{TRAINING}`."]),
    ]
    lines += ["", "## How good it is", ""]
    if assessments:
        lines += [
            "On rows later than all training rows, with 95 % intervals from resampling customers.",
            "",
            *_served(refit),
        ]
        lines += [
            *_figures(assessments),
            *_answer_rankings(assessments),
            "",
            *_baselines(assessments),
            "",
            "### Calibration",
            "",
            *_calibrations(assessments),
            *_level(find_level(documents)),
        ]
        main = assessments[list(assessments)[-1]]
        lines += ["", "### By slice", "", *_slices(main), *_decay(main), *_holdout(main)]
    else:
        lines.append(f"Not recorded: no readable `{ASSESSMENT}`.")
    lines += _survey(documents.get(SURVEY))
    lines += ["", "## Leak watch", "", *_flags(facts, verdict)]
    lines += ["", "## The gate", "", *_gate(verdict)]
    lines += ["", "## Limits", "", *(f"- {limit}" for limit in _LIMITS)]
    if facts:
        lines += ["", "## How it was made", "", *_making(facts)]
    return "\n".join(lines) + "\n"


def _facts(documents: Mapping[str, Any]) -> TrainingFacts | None:
    try:
        return read_document(TrainingFacts, documents.get(TRAINING), TRAINING)
    except InputError:
        return None


def _assessments(documents: Mapping[str, Any]) -> dict[str, Assessment]:
    try:
        return read_document(dict[str, Assessment], documents.get(ASSESSMENT), ASSESSMENT)
    except InputError:
        return {}


def _standing(verdict: Mapping[str, Any] | None, aliases: Iterable[str]) -> str:
    names = " and ".join(sorted(aliases))
    standing = f"It is {names}." if names else "It carries no alias."
    if verdict is None:
        return f"{standing} The gate has not evaluated it."
    return f"{standing} The gate {'passed' if verdict['passed'] else 'refused'} it on {str(verdict['at'])[:10]}."


def _served(refit: RefitFacts | None) -> list[str]:
    """What scores, where that is not what the figures are of."""
    if refit is None:
        return []
    evaluated = f"boosters, which learnt from cut-offs until {refit.until['evaluated'][:10]}."
    compared = "Both were compared where neither has learnt from the rows:"
    words = (
        f"The figures are of the **evaluated** {evaluated} The **served** boosters were fitted again with"
        f" the same parameters and rounds on all labelled rows, until {refit.served_until(_horizon)}."
        f" They have learnt from the test period, so no figure of it is theirs. {compared}"
    )
    if not refit.used:
        why = "; ".join(worded(one, TEMPLATES) for one in refit.told)
        words = (
            f"The figures are of the **served** {evaluated} Fitted again on all labelled rows, they were"
            f" unlike these, and are not served: {why}. {compared}"
        )
    rows = [
        (
            _horizon(horizon),
            where,
            f"{figures.rows:,}",
            f"{figures.rank_correlation:.3f}",
            f"{figures.level:.3f}",
            ", ".join(f"{name} {shift:.2f}" for name, shift in figures.shifts.items()) or "–",
        )
        for horizon, one in refit.horizons.items()
        for where, figures in (
            ("rows learnt from, cross-fitted", one.cross_fitted),
            (f"newest snapshot, {str(refit.snapshot_at)[:10]}", one.snapshot),
        )
        if figures is not None
    ]
    names = (
        "within",
        "on",
        "rows",
        "rank correlation",
        "fitted again over evaluated",
        "by slice, over that",
    )
    return [words, "", *_table(names, rows), ""]


def _data(facts: TrainingFacts, refit: RefitFacts | None) -> list[str]:
    unused = refit is not None and not refit.used
    learnt = {NEWER: f"{NEWER}, of which nothing that scores has learnt"} if unused else {}
    lines = [
        f"- {len(facts.features)} features of the feature service `{facts.service}`, as known at each cut-off",
        f"- gap {facts.gap_days} days; labelled rows with SHA-256 `{facts.dataset_sha256[:16]}…`",
        f"- weights: {facts.weights or 'none'}",
        "",
        *_table(
            ("part", "rows", "cut-offs"),
            [
                (learnt.get(part, part), f"{rows:,}", _span(facts.cutoffs.get(part, ())))
                for part, rows in facts.rows.items()
            ],
        ),
    ]
    if facts.excluded:
        lines += [
            "",
            "Left out, each counted once per cut-off:",
            "",
            *_table(
                ("reason", "rows", "those"),
                [
                    (why, f"{rows:,}", EXCLUDED.get(why, why.replace("_", " ")))
                    for why, rows in facts.excluded.items()
                ],
            ),
        ]
    names, care = care_rows(facts.choices)
    return [*lines, "", CARE_WORDS, "", *_table(names, care)] if care else lines


def _span(cutoffs: Sequence[str]) -> str:
    if not cutoffs:
        return "none"
    first, last = cutoffs[0][:10], cutoffs[-1][:10]
    return first if first == last else f"{len(cutoffs)}, {first} to {last}"


def _size(assessment: Assessment) -> str:
    return f"{assessment.rows:,} rows, {_positives(assessment, ' positives')}"


def _positives(counted: Assessment | CalibrationFigures | Slice, name: str = "") -> str:
    """Positive rows, and of how many customers they are, where that is known."""
    customers = counted.positive_customers
    words = "" if customers is None else f" of {customers:,} customers"
    return f"{counted.positives:,}{name}{words}"


def _figures(assessments: Mapping[str, Assessment]) -> list[str]:
    sizes = [_size(one) for one in assessments.values()]
    rows = [("rows", *sizes)]
    for metric in METRICS:
        figures = [_estimate(assessment.metrics.get(metric)) for assessment in assessments.values()]
        rows.append((metric.replace("_", " "), *figures))
    return _table(("figure", *map(_horizon, assessments)), rows)


def _answer_rankings(assessments: Mapping[str, Assessment]) -> list[str]:
    """Both AUC of a survey target, and of whom each is."""
    lines = [
        f"- {ranking.about}: {_estimate(ranking.auc)}."
        for assessment in assessments.values()
        for ranking in (assessment.answers or {}).values()
    ]
    return ["", *lines, "", f"{ANSWERS_VARY}."] if lines else []


def _baselines(assessments: Mapping[str, Assessment]) -> list[str]:
    rows = []
    for baseline in sorted(
        {name for assessment in assessments.values() for name in assessment.baselines}
    ):
        for metric in ("auc", "log_loss"):
            figures = [
                _estimate(assessment.baselines[baseline].difference.get(metric), signed=True)
                if baseline in assessment.baselines
                else "–"
                for assessment in assessments.values()
            ]
            name = baseline_name(baseline, strata=any(map(has_strata, assessments.values())))
            rows.append((f"{metric.replace('_', ' ')} minus {name}", *figures))
    return _table(("difference", *map(_horizon, assessments)), rows)


def _calibrations(assessments: Mapping[str, Assessment]) -> list[str]:
    rows = []
    for horizon, assessment in assessments.items():
        for stratum, calibration in sorted(
            assessment.strata.items(), key=lambda item: (item[0] != EVERYBODY, item[0])
        ):
            rows.append(
                (
                    _horizon(horizon),
                    stratum or "unknown",
                    f"{calibration.rows:,}",
                    _positives(calibration),
                    _estimate(calibration.slope),
                    _estimate(calibration.observed_over_expected),
                    _top_deciles(calibration),
                )
            )
    names = (
        "within",
        "stratum",
        "rows",
        "positives",
        "slope",
        "observed over expected",
        "top deciles in joint bounds",
    )
    return _table(names, rows)


def _level(revision: LevelRevision | None) -> list[str]:
    lines = ["", LEVEL_OF_ONE_PERIOD]
    if revision is None:
        return lines
    return [*lines, "", *_table(LEVEL_COLUMNS, level_rows(revision))]


def _top_deciles(calibration: CalibrationFigures) -> str:
    top = calibration.deciles[-TOP_DECILES:]
    kept = sum(decile.joint_low <= decile.observed <= decile.joint_high for decile in top)
    return f"{kept} of {len(top)}"


def _slices(assessment: Assessment) -> list[str]:
    rows = [
        (
            column,
            value,
            f"{figures.rows:,}",
            _positives(figures),
            _estimate(figures.metrics.get("auc")),
            _gap(figures),
        )
        for column, values in assessment.slices.items()
        for value, figures in values.items()
    ]
    return _table(
        ("column", "value", "rows", "positives", "AUC", "AUC minus that of all others"), rows
    )


def _gap(figures: Slice) -> str:
    if figures.gap is None:
        return "too few"
    return _estimate(figures.gap, signed=True) + (" **much worse**" if figures.flagged else "")


def _decay(assessment: Assessment) -> list[str]:
    rows = [
        (
            str(month.months_after),
            f"{month.rows:,}",
            _estimate(month.metrics.get("auc")),
            _estimate(month.metrics.get("log_loss")),
        )
        for month in assessment.decay
    ]
    names = ("months of 28 days after training", "rows", "AUC", "log loss")
    return ["", "### By time since training", "", *_table(names, rows)] if rows else []


def _holdout(assessment: Assessment) -> list[str]:
    title = ["", "### On households that are never sent an offer", ""]
    if assessment.holdout is None:
        return [*title, "Too few customers."]
    figures = [
        (name.replace("_", " "), _estimate(figure)) for name, figure in assessment.holdout.items()
    ]
    return [*title, *_table(("figure", "value"), figures)]


def _survey(document: object) -> list[str]:
    """Estimates for customers who did not answer."""
    names, rows = survey_rows(document)
    if not names:
        return []
    title = ["", "### Of those who did not answer", "", SURVEY_WORDS, ""]
    return [*title, *_table(names, rows), *reminder_lines(document)]


def _flags(facts: TrainingFacts | None, verdict: Mapping[str, Any] | None) -> list[str]:
    if facts is None:
        return ["Not recorded."]
    lines = []
    if facts.unchecked_missingness:
        features = "Features whose missing values have a meaning, not checked for missingness"
        lines += [f"{features}: {facts.unchecked_missingness}.", ""]
    if not facts.flags:
        return [*lines, "No flags."]
    explained = (verdict or {}).get("explained") or {}
    lines += [
        f"- `{flag.column or 'the table'}`: {flag.kind.replace('_', ' ')}, {flag.figure:.3f}."
        f" {_explanation(explained.get(flag.column or flag.kind))}"
        for flag in facts.flags
    ]
    return lines


def _explanation(reason: str | None) -> str:
    return f"Explained: {reason}" if reason else "Not explained."


def _gate(verdict: Mapping[str, Any] | None) -> list[str]:
    if verdict is None:
        return ["Not evaluated yet; `holdfast models promote` does that."]
    against = f"version {verdict['champion']}" if verdict.get("champion") else "no champion"
    if verdict["passed"]:
        return [f"Passed on {verdict['at']}, against {against}."]
    return [
        f"Refused on {verdict['at']}, against {against}:",
        "",
        *(f"- {reason['message']}" for reason in verdict["reasons"]),
    ]


def _making(facts: TrainingFacts) -> list[str]:
    """How it was made. Where boosters that were fitted again score, each line says which it is about."""
    of_served = " of the served boosters" if facts.serves_refit else ""
    rounds = ", ".join(f"{_horizon(horizon)} {rounds}" for horizon, rounds in facts.rounds.items())
    cost = ", ".join(
        f"{_horizon(horizon)} {leaves:,}" for horizon, leaves in facts.explanation_cost.items()
    )
    error = max(facts.additivity_error.values(), default=float("nan"))
    return [
        f"- made {facts.made_at}, seed {facts.seed}, code `{facts.git_commit}`, packages `{facts.environment_sha256[:16]}…`",
        f"- parameters: {parameters_in_words(facts, _horizon)}",
        f"- boosting rounds{of_served}: {rounds}",
        *maturity_lines(facts.choices.get("dataset", {}).get("maturity")),
        *_cross_fitting(facts),
        *_chosen_calibrations(facts),
        f"- leaves that an explanation{of_served} visits: {cost}; explanations miss the margin by at most {error:.1g} log-odds",
    ]


def _cross_fitting(facts: TrainingFacts) -> list[str]:
    counts = _counts(facts.evaluated_folds)
    if not counts:
        return []
    words = "rounds and calibrations chosen on margins of all rows for fitting and tuning"
    again = ""
    if facts.serves_refit:
        folds = _counts(facts.fitted[SERVED].folds)
        again = (
            f"; calibrations of the served boosters on those of all labelled rows: {folds} folds"
        )
    return [
        f"- {words}, from boosters that did not learn from the row: {counts} folds of customers{again}"
    ]


def _counts(folds: Mapping[str, int]) -> str:
    return " or ".join(map(str, sorted(set(folds.values()))))


def _chosen_calibrations(facts: TrainingFacts) -> list[str]:
    of_both = {EVALUATED: facts.evaluated_calibrations, SERVED: facts.served_calibrations}
    return [
        f"- calibrations of the {which} boosters: "
        + "; ".join(f"{_horizon(name)} {one['chosen']}" for name, one in calibrations.items())
        for which, calibrations in of_both.items()
        if calibrations
    ]


def _horizon(horizon: str) -> str:
    days, _, stratum = horizon.partition("/")
    words = f"{days} days" if days else "all"
    return f"{words}, {stratum}" if stratum else words


def _estimate(estimate: Estimate | None, *, signed: bool = False) -> str:
    if estimate is None:
        return "–"
    sign = "+" if signed else ""
    return f"{estimate.value:{sign}.4f} ({estimate.low:{sign}.4f} to {estimate.high:{sign}.4f})"


def _table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [names, ["---"] * len(names), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]
