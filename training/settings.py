"""Settings of training, one by one and put together as what makes a model."""

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from holdfast.settings import Section
from models.settings import BandSettings

LONGEST_SETTLE_DAYS = 60
"""Late rows are waited for so many days at most, whatever was observed, unless a person says more."""

MOST_SETTLE_DAYS = 180
"""The most that a person may say."""


class TrainingSettings(Section):
    """How models are fitted and evaluated."""

    prefix = "HOLDFAST_TRAINING_"

    seed: int = Field(
        default=20260101, ge=0, lt=2**31, description="Seed of every random choice in training."
    )
    folds: int = Field(default=5, ge=2, le=20, description="Folds of the outer cross-validation.")
    repeats: int = Field(
        default=2, ge=1, le=20, description="How often the outer cross-validation is repeated."
    )
    inner_folds: int = Field(
        default=5,
        ge=2,
        le=20,
        description="Folds inside a training part, for rounds and calibration.",
    )
    time_windows: int = Field(
        default=4, ge=1, le=20, description="Test windows of a time split, at most."
    )
    max_rounds: int = Field(default=1000, ge=10, le=10_000, description="Most boosting rounds.")
    patience_rounds: int = Field(
        default=50, ge=5, le=1000, description="Rounds without improvement before boosting stops."
    )


class LeakWatchSettings(Section):
    """When the leak watch raises a flag."""

    prefix = "HOLDFAST_LEAK_WATCH_"

    single_column_auc: float = Field(
        default=0.85, gt=0.5, le=1, description="AUC of one column alone that is suspicious."
    )
    missingness_auc: float = Field(
        default=0.65, gt=0.5, le=1, description="AUC of being missing alone that is suspicious."
    )
    missingness_rows: int = Field(
        default=30, ge=1, description="Missing, and present, rows needed to look at missingness."
    )
    id_like_share: float = Field(
        default=0.95,
        gt=0,
        le=1,
        description="Distinct share of texts from which a column is id-like; whole numbers must never repeat.",
    )
    duplicate_share: float = Field(
        default=0.01, gt=0, le=1, description="Share of repeated rows that is suspicious."
    )
    too_good_auc: float = Field(
        default=0.95, gt=0.5, le=1, description="Cross-validated AUC that is too good to be true."
    )


class TuningSettings(Section):
    """How long parameters are searched for, and what a slower model must earn."""

    prefix = "HOLDFAST_TUNING_"

    explanation_price: float = Field(
        default=0.002,
        ge=0,
        le=1,
        description="Share by which 10,000 more leaves, which make explanations slower, must lower the log loss to be worth it.",
    )
    blend: int = Field(
        default=8,
        ge=1,
        le=20,
        description="Best parameters that are averaged, at most, where that earns the leaves it adds; 1 for the best alone.",
    )
    startup_trials: int = Field(
        default=8, ge=1, le=1000, description="Trials at random before the search learns from them."
    )


class LabelSettings(Section):
    """Who is at risk, what counts as lost, and at which cut-offs."""

    prefix = "HOLDFAST_LABEL_"

    known_days: int = Field(
        default=30,
        ge=0,
        le=365,
        description="Days that a subscription must have been in the data to be at risk.",
    )
    inactivity_days: int = Field(
        default=30,
        ge=7,
        le=180,
        description="Days of inactivity after which a prepaid line is lost.",
    )
    gap_days: int = Field(
        default=7, ge=0, le=60, description="Days between the cut-off and the start of the horizon."
    )
    settle_days: int = Field(
        default=7,
        ge=0,
        le=MOST_SETTLE_DAYS,
        description="Days that late rows are waited for, at least, before a horizon counts as complete.",
    )
    cutoff_every_weeks: int = Field(
        default=4, ge=1, le=26, description="Weeks from one cut-off to the next."
    )
    test_share: float = Field(
        default=0.25,
        gt=0,
        lt=1,
        description="Share of the cut-offs, the latest, that make the test period.",
    )


class SurveySettings(Section):
    """Which survey answers count, how they are weighted, and how wide the sensitivity band is."""

    prefix = "HOLDFAST_SURVEY_"

    answer_days: int = Field(
        default=14,
        ge=1,
        le=90,
        description="Days after the last possible invitation in which answers and corrections must have arrived to count.",
    )
    reminder_days: int = Field(
        default=3,
        ge=0,
        le=60,
        description="Days after an invitation before which no reminder is sent: answers until then are owed to none. "
        "0 where that is not known.",
    )
    response_folds: int = Field(
        default=5,
        ge=2,
        le=20,
        description="Folds of customers in which the probability of answering is cross-fitted.",
    )
    response_rounds: int = Field(
        default=300,
        ge=10,
        le=10_000,
        description="Most boosting rounds of the response model.",
    )
    fewest_answers: int = Field(
        default=200,
        ge=20,
        description="Customers with an answer, and with an invitation without one, that the response model needs; "
        "with fewer, all have one rate.",
    )
    weight_quantile: float = Field(
        default=0.99,
        gt=0.5,
        le=1,
        description="Response weights are clipped to this quantile of the answers' weights.",
    )
    weight_most: float = Field(
        default=30.0, ge=1, description="Response weights are never larger than this."
    )
    odds_ratio: float = Field(
        default=3.0,
        ge=1,
        description=(
            "Largest plausible effect of satisfaction itself on the odds of answering, as an odds ratio either way: "
            "the ends of the sensitivity band."
        ),
    )


class GateSettings(Section):
    """What the gate asks of a version before it becomes champion, beside what it always asks."""

    prefix = "HOLDFAST_GATE_"

    fewest_positives: int = Field(
        default=200,
        ge=1,
        description="Customers with a positive in the test period, of every horizon.",
    )
    fewest_test_days: int = Field(
        default=28,
        ge=0,
        le=730,
        description="Days from the first to the last cut-off of the test period.",
    )
    decile_tolerance: float = Field(
        default=0.1,
        ge=0,
        lt=1,
        description="Relative difference of observed from predicted shares that is tolerated in the three riskiest tenths.",
    )
    most_leaves: int = Field(
        default=20_000,
        ge=1,
        description="Leaves over all trees of a booster: what explaining may cost. 10,000 take some milliseconds a row.",
    )


class AssessmentSettings(Section):
    """How a model is evaluated on its test period."""

    prefix = "HOLDFAST_ASSESS_"

    draws: int = Field(
        default=500,
        ge=50,
        le=10_000,
        description="How often the customers are resampled for the intervals.",
    )
    care_capacity_share: float = Field(
        default=0.05,
        gt=0,
        lt=1,
        description="Share of the rows, riskiest first, that care can look after.",
    )
    slice_tolerance: float = Field(
        default=0.02,
        ge=0,
        lt=0.5,
        description="AUC by which a slice may be worse than all other rows without a flag.",
    )
    fewest_positives: int = Field(
        default=30,
        ge=2,
        description="Customers with positives (and with negatives) that a slice, and the holdout, need to be compared.",
    )
    clv: float = Field(
        default=200.0, gt=0, description="Maximum profit: value of a customer who stays."
    )
    incentive_cost: float = Field(
        default=10.0, ge=0, description="Maximum profit: cost of an offer that is accepted."
    )
    contact_cost: float = Field(default=1.0, ge=0, description="Maximum profit: cost of a contact.")
    accepts_alpha: float = Field(
        default=6.0,
        gt=0,
        description="Maximum profit: alpha of the beta distribution of the share of leavers who accept an offer.",
    )
    accepts_beta: float = Field(
        default=14.0, gt=0, description="Maximum profit: beta of that distribution."
    )

    @model_validator(mode="after")
    def _leave_a_gain(self) -> "AssessmentSettings":
        if self.incentive_cost + self.contact_cost >= self.clv:
            raise ValueError("incentive_cost and contact_cost together must stay below clv")
        return self


class TrainingConfig(BaseModel):
    """Everything that a model and its figures depend on, beside the rows.

    Frozen, and the same wherever it is made: ``TrainingConfig()`` has the defaults of its
    sections. Functions that need one or two sections take those; functions that need more take
    all of it. A run logs it.

    Parameters
    ----------
    labels : LabelSettings
        Who is at risk, what counts as lost, and at which cut-offs.
    surveys : SurveySettings
        Which survey answers count, and how they are weighted.
    fitting : TrainingSettings
        Seed, folds and boosting rounds.
    tuning : TuningSettings
        How parameters are searched for.
    leak_watch : LeakWatchSettings
        When the leak watch raises a flag.
    assessment : AssessmentSettings
        How a model is evaluated on its test period.
    gate : GateSettings
        What the gate asks; boosters are kept within the leaves that it allows.
    bands : BandSettings
        How large the risk bands are.

    Examples
    --------
    >>> config = TrainingConfig(labels=LabelSettings(gap_days=14))
    >>> config.labels.gap_days, config.labels.inactivity_days
    (14, 30)
    >>> config.parameters()["label_gap_days"]
    14
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    labels: LabelSettings = LabelSettings()
    surveys: SurveySettings = SurveySettings()
    fitting: TrainingSettings = TrainingSettings()
    tuning: TuningSettings = TuningSettings()
    leak_watch: LeakWatchSettings = LeakWatchSettings()
    assessment: AssessmentSettings = AssessmentSettings()
    gate: GateSettings = GateSettings()
    bands: BandSettings = BandSettings()

    @classmethod
    def read(cls) -> Self:
        """Read every section from the environment; for the edges only.

        Raises
        ------
        InputError
            Names the environment variable, the rule and the value.
        """
        return cls(
            labels=LabelSettings.read(),
            surveys=SurveySettings.read(),
            fitting=TrainingSettings.read(),
            tuning=TuningSettings.read(),
            leak_watch=LeakWatchSettings.read(),
            assessment=AssessmentSettings.read(),
            gate=GateSettings.read(),
            bands=BandSettings.read(),
        )

    def parameters(self) -> dict[str, Any]:
        """All values, as a run logs them: by the name of the environment variable, in lower case
        and without ``holdfast_``, such as ``label_gap_days``.
        """
        return {
            section.variable(field).lower().removeprefix("holdfast_"): value
            for section in dict(self).values()
            for field, value in section.model_dump().items()
        }
