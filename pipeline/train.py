"""Training on the operator's own features: labelled rows, a model, its report and model card,
registered as challenger.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from features.fields import SERVICES
from features.online.settings import OnlineSettings
from features.operator.repository import OperatorRepository
from holdfast.clock import Clock
from holdfast.documents import to_document
from holdfast.errors import InputError, ModelError
from holdfast.home import Home, locked
from holdfast.zone import day_of, day_start
from models.registry import CHAMPION, RegisteredVersion, list_versions, load_registered
from models.target import Target
from models.targets import TARGETS
from models.words.catalogue import resolve
from training.evaluation.signal import Signal, signal_of_assessments
from training.operator.columns import service_documents
from training.release.refit import REFIT
from training.settings import TrainingConfig

if TYPE_CHECKING:
    from training.fitting.budget import TuningBudget
    from training.operator.model import OperatorModel
    from training.release.facts import ChampionComparison
    from training.release.verdict import Verdict


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What a training made.

    Parameters
    ----------
    model : OperatorModel
        The model and what is known about it.
    number : str or None
        Number it is registered under, as challenger; None where nothing was found.
    verdict : Verdict
        What the gate would say if it were promoted now; where nothing was found, that.
    report : Path
        The report.
    card : Path or None
        The model card; None where nothing was found.
    seconds : float
        How long it took.
    """

    model: "OperatorModel"
    number: str | None
    verdict: "Verdict"
    report: Path
    card: Path | None
    seconds: float

    @property
    def signal(self) -> Signal:
        """Whether the rows predict the target at all."""
        return signal_of_assessments(self.model.assessments)

    def to_json(self) -> dict[str, Any]:
        """The result as one JSON object; ``log_loss`` is that of the longest horizon."""
        *_, longest = self.model.assessments.values()
        loss = longest.metrics.get("log_loss")
        return {
            "model_name": self.model.version.name,
            "model_version": self.number,
            "verdict": self.signal.verdict,
            "enough_data": self.signal.enough_data,
            "log_loss": None if loss is None else loss.value,
            "assessment": {
                name: to_document(assessment) for name, assessment in self.model.assessments.items()
            },
            "facts": to_document(self.model.facts),
            "refit": None if self.number is None else self.model.version.documents.get(REFIT),
            "gate": self.verdict.to_worded_json(),
            "report": str(self.report),
            "model_card": None if self.card is None else str(self.card),
            "seconds": round(self.seconds, 1),
        }


def train_target(
    home: Home,
    name: str,
    budget: "TuningBudget | None",
    config: TrainingConfig,
    *,
    online: OnlineSettings,
    clock: Clock,
    test_from: datetime | None = None,
    language: str = "en",
) -> Trained:
    """Train a model of a target, evaluate it beside the champion, and register it as challenger.

    Where it predicts no better than chance at any horizon, it is not registered: the report says so,
    and the run is kept.

    Parameters
    ----------
    home : Home
        Holds raw tables and features; gets the version, its report and its card.
    name : str
        One of `models.targets.TARGETS`.
    budget : TuningBudget or None
        How long to search for parameters; None for no search. A run that was cut short carries on
        with its search.
    config : TrainingConfig
        How rows are labelled, models fitted and evaluated, and what the gate asks.
    online : OnlineSettings
        Which online store the version must be able to read to pass the gate.
    clock : Clock
        Rows that arrived after it are not known yet; and when the model was made.
    test_from : datetime, optional
        When the test period begins; UTC where it names no time zone. Default: the latest quarter of
        the cut-offs.
    language : str
        Language of the report, as a BCP 47 tag: English, Simplified or Traditional Chinese.

    Raises
    ------
    InputError
        There is no such target, no feature history, or the rows do not make up the parts that are
        needed. Nothing was registered.
    """
    started = time.monotonic()
    if name not in TARGETS:
        raise InputError("TARGET", f"must be one of {', '.join(TARGETS)}", name)
    if not home.raw.exists():
        raise InputError(
            "--home",
            "must hold an operator's raw tables; `holdfast features build` takes them in",
            str(home.root),
        )
    target = TARGETS[name]
    resolved_language = resolve(language)
    zone = OperatorRepository(home).zone
    start = day_start(test_from.date(), zone) if test_from and not test_from.tzinfo else test_from
    if start is not None and target.entity != "contact":
        _check_test_period(home, target, start)
    from training.operator.dataset import newest_snapshot, target_dataset
    from training.operator.model import train_operator_model
    from training.release.facts import SURVEY

    with locked(home):
        labelled = target_dataset(home, target, config, until=clock(), test_from=start)
        snapshot = newest_snapshot(home, target, config.labels)
    champion, unreadable = _champion(home, target)
    catalogue = OperatorRepository(home).catalogue
    home.root.joinpath("tuning").mkdir(exist_ok=True)
    model = train_operator_model(
        labelled.dataset,
        target,
        config,
        made_at=clock(),
        champion=champion,
        budget=budget,
        storage=home.root / "tuning" / f"{name}.db",
        extra_documents=labelled.documents | service_documents(target.service, catalogue),
        unreadable=unreadable,
        test_from=start,
        catalogue=catalogue,
        snapshot=snapshot,
    )
    if labelled.survey is not None:
        (probability,) = model.predictions.probability.values()
        model = model.with_documents({SURVEY: labelled.survey.document(model.test, probability)})
    from pipeline.training_record import register, report_nothing

    number: str | None = None
    card: Path | None = None
    with locked(home):
        if signal_of_assessments(model.assessments).found:
            number, verdict, report, card = register(
                home, model, resolved_language, online=online, clock=clock
            )
        else:
            verdict, report = report_nothing(home, model, resolved_language, clock=clock)
    return Trained(
        model=model,
        number=number,
        verdict=verdict,
        report=report,
        card=card,
        seconds=time.monotonic() - started,
    )


def _check_test_period(home: Home, target: Target, start: datetime) -> None:
    """Refuse a test period outside the stored features, before libraries that take seconds to
    import; `training.labelling.periods.start_of_test` checks it against the labels, too.
    """
    mondays = OperatorRepository(home).history_mondays(SERVICES[target.service][0])
    if len(mondays) == 0:
        return
    stored = (mondays[0].item().replace(tzinfo=UTC), mondays[-1].item().replace(tzinfo=UTC))
    if not stored[0] < start <= stored[1]:
        zone = OperatorRepository(home).zone
        first, last = (day_of(monday, zone) for monday in stored)
        raise InputError(
            "--test-from",
            f"must lie after {first} and not after {last}, between the first and the last Monday with"
            " stored features",
            str(day_of(start, zone)),
        )


def _champion(
    home: Home, target: Target
) -> "tuple[RegisteredVersion | None, ChampionComparison | None]":
    """The version in production, or why it cannot be read; neither where there is none. ModelError:
    the registry is damaged.
    """
    if not home.tracking.is_file():
        return None, None
    champions = [
        entry
        for entry in list_versions(home)
        if entry.name == target.name and CHAMPION in entry.aliases
    ]
    if not champions:
        return None, None
    try:
        # What scores has learnt from all rows of its time, which may be rows of the test period now.
        return load_registered(champions[0].address(home), evaluated=True), None
    except ModelError as error:
        from training.release.facts import ChampionComparison

        # A new version is the way out, so a damaged one must not be in the way.
        return None, ChampionComparison(
            number=champions[0].number, comparable=False, why=str(error)
        )
