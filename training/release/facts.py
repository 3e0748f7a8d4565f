"""Facts: how a model version was made, stored as ``training.json`` for the gate, the model card and
people.
"""

from dataclasses import dataclass
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

CROSS_FITTED_FOLDS = "cross_fitted_folds"
"""Key in `TrainingFacts.choices` of the folds of customers whose margins, from boosters that did
not learn from the row, the rounds and calibrations were chosen on: by horizon, and by
``horizon/stratum`` where a stratum has a booster of its own. Versions that were calibrated on rows
of their own have no such key.
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
the refit learns from them within those.
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
        Trees by horizon, and by ``horizon/stratum`` where a stratum has a booster of its own.
    choices : dict of str to JSON
        What was tried to make a choice, such as figures with and without monotone constraints.
    flags : tuple of Flag
        Flags of the leak watch.
    champion : ChampionComparison
        Which champion the candidate was compared with.
    explanation_cost : dict of str to int
        `models.reasons.cost.explanation_cost` of the boosters of the costliest stratum, by horizon.
    additivity_error : dict of str to float
        Largest distance between raw margin and base plus contributions on sampled rows, log-odds,
        by horizon.
    seed : int
        Seed of every random choice.
    git_commit : str
        Commit of the code, ``unknown`` outside a checkout; with ``-dirty`` where files differed
        from it.
    environment_sha256 : str
        SHA-256 of the list of installed packages.
    made_at : str
        When, ISO 8601 in UTC.
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

    @property
    def unchecked_missingness(self) -> int:
        """Number of features that the leak watch did not check for missingness."""
        return len(self.choices.get(NULL_HAS_MEANING, ()))

    @property
    def horizons(self) -> tuple[str, ...]:
        """Names of the horizons in documents."""
        return tuple(map(horizon_name, self.horizons_days)) or (horizon_name(None),)
