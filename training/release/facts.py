"""Facts: how a model version was made, stored as ``training.json`` for the gate, the model card and
people.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from holdfast.sentences import Sentence, as_written, worded
from training.evaluation.assessment import horizon_name
from training.evaluation.leaks import Flag
from training.release.sentences import TEMPLATES

TRAINING = "training.json"
"""Name of the document, which is stored with the version."""

SURVEY = "survey.json"
"""Name of the document with `training.surveys.facts.SurveyFacts`, which dissatisfaction targets
have.
"""

NULL_HAS_MEANING = "null_has_meaning"
"""Key in `TrainingFacts.choices` of the features whose missing value is a fact, by name: the leak
watch did not check them for missingness. Versions made before it have no such key.
"""

EVALUATED, SERVED, REFITTED = "evaluated", "served", "refitted"
"""Which boosters a fact is about: those that the figures are of, those that score, and what was fitted
again on all labelled rows where that does not score. Where nothing was fitted again, the evaluated ones
are the only ones.
"""

CALIBRATIONS = "calibrations"
"""Key in `TrainingFacts.choices` of versions made before `TrainingFacts.fitted`, whose evaluated
boosters have these calibrations (see `FittedFacts.calibrations`).
"""

CROSS_FITTED_FOLDS = "cross_fitted_folds"
"""The same of `FittedFacts.folds`. Versions that were calibrated on rows of their own have no such key.
"""

SEARCHED = "search"
"""Key in `TrainingFacts.choices` of the objectives of what a search found (``searched``) and of the default
parameter sets (``default``), of which the lower is kept; empty where nothing was searched for.
"""

PARAMETER_SETS = "parameter_sets"
"""Key in `TrainingFacts.choices` of all parameters whose boosters are averaged, best first. Versions
made before it have no such key.
"""

PARTS = ("fit", "tune", "test")
"""Parts of the labelled rows, by what they are used for. Versions made before calibrations were
cross-fitted have ``calibrate``, too.
"""

NEWER = "newer"
"""Part of rows that nothing is evaluated on: their label is complete within shorter horizons alone, and
a refit learns from them within those, whether it scores or not.
"""


@dataclass(frozen=True, kw_only=True)
class ChampionComparison:
    """Which champion a candidate was compared with, on the same rows.

    Parameters
    ----------
    number : str or None
        Version that was champion when training began; None where there was none.
    comparable : bool
        It could score the test rows, so that the assessments have it as a baseline.
    why : Sentence or str
        Why it could not; empty text where it could or there was no champion. Versions made by
        earlier releases have text here.
    """

    number: str | None
    comparable: bool
    why: Sentence | str

    @property
    def reason(self) -> Sentence | None:
        """Why it could not, as a sentence; None where nothing is said."""
        if isinstance(self.why, Sentence):
            return self.why
        return as_written(self.why) if self.why else None

    @property
    def in_words(self) -> str:
        """The same in English; empty where nothing is said."""
        return "" if self.reason is None else worded(self.reason, TEMPLATES)


@dataclass(frozen=True, kw_only=True)
class MemberFacts:
    """One booster of those whose margins are averaged.

    Parameters
    ----------
    parameter_set : int
        Position in the `PARAMETER_SETS` of `TrainingFacts.choices`, from 0.
    rounds : int
        Its trees.
    """

    parameter_set: int
    rounds: int


@dataclass(frozen=True, kw_only=True)
class FittedFacts:
    """How some boosters of a version came about, each by horizon, and by ``horizon/stratum`` where a
    stratum has its own.

    Parameters
    ----------
    members : dict of str to tuple of MemberFacts
        What is averaged. A parameter set whose leaves would have been too many is not among them.
    explanation_cost : dict of str to int
        `models.reasons.cost.explanation_cost` of the costliest stratum, by horizon alone.
    folds : dict of str to int
        Folds of customers whose margins, from boosters that did not learn from the row, calibrations
        were chosen on; of the evaluated boosters rounds, too.
    calibrations : dict of str to JSON
        The kind ``chosen``, and the cross-validated ``log_loss`` of every candidate.
    """

    members: dict[str, tuple[MemberFacts, ...]]
    explanation_cost: dict[str, int]
    folds: dict[str, int]
    calibrations: dict[str, dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class TrainingFacts:
    """How a model version was made.

    Parameters
    ----------
    target : str
        What is predicted; also the registered model's name.
    service : str
        Feature service behind the features.
    features : tuple of str
        Their names, in the boosters' order.
    dataset_sha256 : str
        SHA-256 of the labelled rows.
    rows : dict of str to int
        Rows by part: ``fit``, ``tune``, ``test``, and ``newer`` where there are any.
    cutoffs : dict of str to tuple of str
        Cut-offs by part, ISO 8601 in UTC, soonest first.
    gap_days : int
        Days between the cut-off and the start of the horizon.
    horizons_days : tuple of int
        Horizons, shortest first; empty where the model has none.
    excluded : dict of str to int
        Rows left out, by reason.
    weights : str
        How rows are weighted, in words; empty where all count the same.
    strata : tuple of str
        Strata in the test period that have calibration figures of their own.
    slices : tuple of str
        Columns that the test period was sliced by.
    parameters : dict of str to JSON
        Parameters of the boosters; of the first set where several are averaged.
    rounds : dict of str to int
        Trees of the boosters that score, by horizon, and by ``horizon/stratum`` where a stratum has a
        booster of its own.
    choices : dict of str to JSON
        What was tried to make a choice, such as figures with and without monotone constraints; all
        for the evaluated boosters, and taken over by a refit.
    flags : tuple of Flag
        Flags of the leak watch.
    champion : ChampionComparison
        Which champion the candidate was compared with.
    explanation_cost : dict of str to int
        `models.reasons.cost.explanation_cost` of the boosters that score, of the costliest stratum, by
        horizon.
    additivity_error : dict of str to float
        Largest distance between raw margin and base plus contributions of the boosters that score, on
        sampled rows, log-odds, by horizon.
    seed : int
        Seed of every random choice.
    git_commit : str
        Commit of the code, ``unknown`` outside a checkout; with ``-dirty`` where files differed
        from it.
    environment_sha256 : str
        SHA-256 of the list of installed packages.
    made_at : str
        When, ISO 8601 in UTC.
    fitted : dict of str to FittedFacts
        By which boosters: `EVALUATED`, `SERVED` where something was fitted again (it is the same as
        evaluated where that does not score), and then `REFITTED`, too. Empty of versions made before it.
    """

    target: str
    service: str
    features: tuple[str, ...]
    dataset_sha256: str
    rows: dict[str, int]
    cutoffs: dict[str, tuple[str, ...]]
    gap_days: int
    horizons_days: tuple[int, ...]
    excluded: dict[str, int]
    weights: str
    strata: tuple[str, ...]
    slices: tuple[str, ...]
    parameters: dict[str, Any]
    rounds: dict[str, int]
    flags: tuple[Flag, ...]
    champion: ChampionComparison
    explanation_cost: dict[str, int]
    additivity_error: dict[str, float]
    seed: int
    git_commit: str
    environment_sha256: str
    made_at: str
    choices: dict[str, Any]
    # Told to people, and nothing is decided by it: versions made before it can be read without.
    fitted: dict[str, FittedFacts] = field(default_factory=dict)

    @property
    def serves_refit(self) -> bool:
        """Whether what scores is known to have been fitted again."""
        return SERVED in self.fitted and REFITTED not in self.fitted

    @property
    def evaluated_calibrations(self) -> dict[str, dict[str, Any]]:
        """Calibrations of the evaluated boosters, as `FittedFacts.calibrations`; empty where not kept."""
        if EVALUATED in self.fitted:
            return self.fitted[EVALUATED].calibrations
        calibrations: dict[str, dict[str, Any]] = self.choices.get(CALIBRATIONS, {})
        return calibrations

    @property
    def evaluated_folds(self) -> dict[str, int]:
        """Folds of the evaluated boosters, as `FittedFacts.folds`; empty where not kept."""
        if EVALUATED in self.fitted:
            return self.fitted[EVALUATED].folds
        folds: dict[str, int] = self.choices.get(CROSS_FITTED_FOLDS, {})
        return folds

    @property
    def served_calibrations(self) -> dict[str, dict[str, Any]]:
        """Those of the boosters that score, where a refit has chosen them anew; else empty."""
        return self.fitted[SERVED].calibrations if self.serves_refit else {}

    @property
    def unchecked_missingness(self) -> int:
        """Number of features that the leak watch did not check for missingness."""
        return len(self.choices.get(NULL_HAS_MEANING, ()))

    @property
    def horizons(self) -> tuple[str, ...]:
        """Names of the horizons in documents."""
        return tuple(map(horizon_name, self.horizons_days)) or (horizon_name(None),)


def parameters_in_words(facts: TrainingFacts, words: Callable[[str], str]) -> str:
    """The parameters of all boosters that are averaged in what scores, and within which horizons where
    not within all.

    Parameters
    ----------
    facts : TrainingFacts
        How the version was made.
    words : callable
        Words for a horizon, from its name.
    """
    told = ", ".join(f"{name} {value}" for name, value in sorted(facts.parameters.items()))
    scoring = facts.fitted.get(SERVED) or facts.fitted.get(EVALUATED)
    for position, one in enumerate(facts.choices.get(PARAMETER_SETS, ())[1:], start=1):
        averaged = f"; averaged with boosters with {_other(one, facts.parameters)}"
        if scoring is None:  # made before it was kept which were left out
            told += f"{averaged}, where the limit of leaves allowed them"
            continue
        within = [
            name
            for name, members in scoring.members.items()
            if position in {member.parameter_set for member in members}
        ]
        if len(within) == len(scoring.members):
            told += averaged
        elif within:
            told += f"{averaged} ({'; '.join(map(words, within))})"
    return told


def _other(parameters: Mapping[str, Any], first: Mapping[str, Any]) -> str:
    """What differs from the first parameters, in words."""
    return ", ".join(
        f"{name} {value}" for name, value in sorted(parameters.items()) if first.get(name) != value
    )
