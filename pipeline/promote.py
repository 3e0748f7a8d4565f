"""Model versions in a home: listed, shown, promoted through the gate, rolled back.

Whatever changes an alias holds the home's lock, so that no two decisions cross.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from features.online.settings import OnlineSettings
from holdfast.clock import Clock
from holdfast.documents import read_document
from holdfast.errors import InputError, ModelError
from holdfast.files import write_beside
from holdfast.home import Home, locked
from holdfast.sentences import as_written
from models.registry import (
    CHALLENGER,
    CHAMPION,
    PREVIOUS,
    RegistryEntry,
    find_version,
    list_versions,
    load_registered,
    moves,
    no_previous,
    read_documents,
)
from models.version import ModelVersion
from training.evaluation.assessment import ASSESSMENT
from training.evaluation.metrics import METRICS
from training.release.evidence import ModelEvidence
from training.release.facts import TRAINING, TrainingFacts
from training.release.gate import SHADOW_RULES, CurrentChampion, evaluate, unexplained
from training.release.model_card import MODEL_CARD, model_card
from training.release.promotion import UNGATED, verdicts
from training.release.readiness import readiness
from training.release.refit import REFIT, RefitFacts, read_refit
from training.release.tracking import Tracking
from training.release.verdict import Finding, Verdict
from training.settings import GateSettings

UPLIFT = "uplift_"
"""What the names of uplift models begin with."""

MAIN_FIGURES = ("auc", "average_precision", "log_loss", "lift_top_decile", "slope")
"""Figures that a list of versions shows."""


@dataclass(frozen=True, kw_only=True)
class ListedVersion:
    """A version in a list.

    Parameters
    ----------
    name, number : str
        The version.
    aliases : tuple of str
        champion, challenger, previous, shadow.
    made_at : str
        ISO 8601, UTC.
    gate : str
        ``passed``, ``refused``, ``ungated`` (it became champion without being asked) or ``not
        asked``.
    horizon_days : int or None
        Horizon of the figures: the longest.
    figures : dict of str to dict
        ``value`` and, where they were resampled, ``low`` and ``high``, by metric.
    """

    name: str
    number: str
    aliases: tuple[str, ...]
    made_at: str
    gate: str
    horizon_days: int | None
    figures: dict[str, dict[str, float]]


@dataclass(frozen=True, kw_only=True)
class ShownVersion:
    """All that is known of a version.

    Parameters
    ----------
    listed : ListedVersion
        What a list shows.
    verdicts, moves : list of JSON
        What the gate said each time, and when it became champion; newest last.
    documents : dict of str to JSON
        What travels with it.
    card : str
        Its model card, Markdown.
    """

    listed: ListedVersion
    verdicts: list[dict[str, Any]]
    moves: list[dict[str, Any]]
    documents: dict[str, Any]
    card: str

    def to_json(self) -> dict[str, Any]:
        """The result as one JSON object; documents that only machines read are left out."""
        shown = {name: self.documents.get(name) for name in (TRAINING, ASSESSMENT, REFIT)}
        uplift = uplift_verdicts(self.documents)
        return {
            **asdict(self.listed),
            "verdicts": self.verdicts,
            "champion_since": self.moves,
            "uplift": uplift,
            **shown,
        }


@dataclass(frozen=True, kw_only=True)
class Promotion:
    """What came of asking the gate.

    Parameters
    ----------
    name, number : str
        The version.
    verdict : Verdict
        What the gate said.
    champion_before : str or None
        Version that was champion when the gate was asked.
    shadow : bool
        It became shadow.
    refit : RefitFacts or None
        How what scores compares with what was evaluated; None where they are the same.
    """

    name: str
    number: str
    verdict: Verdict
    champion_before: str | None
    shadow: bool = False
    refit: RefitFacts | None = None

    @property
    def champion(self) -> bool:
        """It became champion."""
        return self.verdict.passed and not self.shadow

    @property
    def lacks_evidence_alone(self) -> bool:
        """The gate refused it, and only for rules that a shadow may miss."""
        return not self.verdict.passed and not self.verdict.beyond(SHADOW_RULES)

    def to_json(self) -> dict[str, Any]:
        """The result as one JSON object."""
        return {
            "model_name": self.name,
            "model_version": self.number,
            "champion_before": self.champion_before,
            "promoted": self.champion,
            "shadow": self.shadow,
            "learnt_until": self.refit.until if self.refit else None,
            **self.verdict.to_worded_json(),
        }


@dataclass(frozen=True, kw_only=True)
class Rollback:
    """A champion and the version it gave way to."""

    name: str
    was: str
    number: str

    def to_json(self) -> dict[str, Any]:
        """The result as one JSON object."""
        return {"model_name": self.name, "was_champion": self.was, "model_version": self.number}


def list_models(home: Home) -> list[ListedVersion]:
    """All versions of all models; ModelError where there is no registry."""
    return [_listed(entry) for entry in list_versions(home)]


def show_model(home: Home, name: str, which: str = CHAMPION) -> ShownVersion:
    """Show a version, by number or alias; ModelError where there is none, or it is damaged."""
    entry = find_version(home, name, which)
    documents = read_documents(entry.address(home))
    return ShownVersion(
        listed=_listed(entry),
        verdicts=verdicts(entry.tags),
        moves=moves(entry.tags),
        documents=documents,
        card=_card(entry, documents),
    )


def promote_model(
    home: Home,
    name: str,
    which: str = CHALLENGER,
    explained: Mapping[str, str] | None = None,
    *,
    shadow: bool = False,
    gate: GateSettings,
    online: OnlineSettings,
    clock: Clock,
) -> Promotion:
    """Ask the gate, note what it says, and make the version champion where it passes.

    With `shadow`, make it shadow instead, where it misses nothing but evidence, that is, only rules
    of `training.release.gate.SHADOW_RULES`. A shadow is scored and served, marked as such, until
    the model has a champion.

    Parameters
    ----------
    home : Home
        Where registry and online store lie.
    name : str
        Registered model.
    which : str
        Number or alias of the candidate.
    explained : mapping of str to str, optional
        A person's reasons why leak flags are none, by column, or by kind for flags of the whole
        table or model.
    shadow : bool
        Whether it is to be shadow.
    gate : GateSettings
        What the gate asks.
    online : OnlineSettings
        Which online store the version must be able to read.
    clock : Clock
        When the gate was asked, and the version became champion.

    Raises
    ------
    ModelError
        There is no such version, or it is an uplift model, which has no gate of this kind.
    InputError
        It is champion already, an explanation is of no flag of it, or it is to be shadow of a model
        that has a champion.
    """
    _refuse_uplift(home, find_version(home, name, which))
    with locked(home):
        entry = find_version(home, name, which)
        champion = _champion(home, name)
        if champion is not None and champion.number == entry.number:
            raise InputError(
                "NUMBER", f"must not be the champion of model {name} already", entry.number
            )
        if champion is not None and shadow:
            raise InputError(
                "--shadow",
                f"is for a model without champion; version {champion.number} is champion",
                entry.number,
            )
        verdict = _verdict(home, entry, champion, explained or {}, gate, online)
        promotions, now = Tracking(home, clock).promotions, clock()
        before = aliases_by_version(home, name)
        promotions.settle(name)
        number = champion.number if champion else None
        promotions.record_verdict(name, entry.number, verdict.to_json(), number, now)
        becomes_shadow = shadow and not verdict.beyond(SHADOW_RULES)
        if becomes_shadow:
            promotions.make_shadow(name, entry.number, now)
        elif verdict.passed and not shadow:
            promotions.move(name, entry.number, "gate", now)
        write_changed_cards(home, name, before, entry.number)
        refit = read_refit(_readable_documents(home, entry))
    return Promotion(
        name=name,
        number=entry.number,
        verdict=verdict,
        champion_before=number,
        shadow=becomes_shadow,
        refit=refit,
    )


def would_pass(
    home: Home,
    name: str,
    which: str = CHALLENGER,
    *,
    gate: GateSettings,
    online: OnlineSettings,
) -> Verdict:
    """What the gate would say of a version now; nothing is noted or changed. Errors as in
    `promote_model`.
    """
    entry = find_version(home, name, which)
    return _verdict(home, entry, _champion(home, name), {}, gate, online)


def rollback_model(home: Home, name: str, *, online: OnlineSettings, clock: Clock) -> Rollback:
    """Make the previous champion champion again, and the champion the previous one.

    The gate is not asked again, but the version must be one that can be served.

    Raises
    ------
    ModelError
        There is no champion, no previous one, or that one cannot be served.
    """
    find_version(home, name, CHAMPION)
    with locked(home):
        promotions, before = Tracking(home, clock).promotions, aliases_by_version(home, name)
        promotions.settle(name)
        champion = find_version(home, name, CHAMPION)
        try:
            previous = find_version(home, name, PREVIOUS)
        except ModelError:
            raise no_previous(name) from None
        model = load_registered(previous.address(home)).model
        if findings := readiness(home, model, online):
            raise ModelError(
                f"model {name} version {previous.number}",
                f"cannot be served: {findings[0].message}",
            )
        promotions.move(name, previous.number, "rollback", clock())
        write_changed_cards(home, name, before, previous.number)
    return Rollback(name=name, was=champion.number, number=previous.number)


def write_card(home: Home, name: str, number: str) -> Path:
    """Write a version's model card as it stands now, beside the reports of the home and among its
    run's artifacts.

    Returns
    -------
    Path
        The card in the home.
    """
    entry = find_version(home, name, number)
    card = _card(entry, _readable_documents(home, entry))
    write_beside(entry.address(home).directory.parent / MODEL_CARD, card)
    path = home.reports / f"{name}_{number}.md"
    path.parent.mkdir(exist_ok=True)
    write_beside(path, card)
    return path


def aliases_by_version(home: Home, name: str) -> dict[str, tuple[str, ...]]:
    """Aliases of all versions of a model, by number."""
    return {entry.number: entry.aliases for entry in list_versions(home, name)}


def write_changed_cards(
    home: Home, name: str, before: Mapping[str, tuple[str, ...]], decided: str
) -> Path:
    """Write the cards of a version that was decided on, and of those whose aliases changed: a card
    says what its version is, so a displaced champion's would go on calling it champion.

    Parameters
    ----------
    home : Home
        Where the model is registered.
    name, decided : str
        The version that was registered, promoted, refused or rolled back to.
    before : mapping of str to tuple of str
        `aliases_by_version` before that.

    Returns
    -------
    Path
        Card of the version that was decided on.
    """
    path = write_card(home, name, decided)
    for entry in list_versions(home, name):
        changed = entry.number != decided and entry.aliases != before.get(entry.number)
        # What was displaced may be damaged or gone: often that is why it is rolled back.
        if changed and entry.address(home).directory.is_dir():
            write_card(home, name, entry.number)
    return path


def uplift_verdicts(documents: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What an experiment said of the actions of an uplift version; empty for other versions."""
    document = documents.get("uplift.json") or documents.get("model.json")
    actions = document.get("actions", [document]) if isinstance(document, dict) else []
    keys = ("action", "works", "harms", "targetable", "verdict")
    summaries = [
        {key: action[key] for key in keys if key in action}
        for action in actions
        if isinstance(action, dict)
    ]
    return [action for action in summaries if action.keys() & {"works", "targetable"}]


def _verdict(
    home: Home,
    entry: RegistryEntry,
    champion: CurrentChampion | None,
    explained: Mapping[str, str],
    gate: GateSettings,
    online: OnlineSettings,
) -> Verdict:
    try:
        model = load_registered(entry.address(home)).model
    except ModelError as error:
        return Verdict(passed=False, reasons=(Finding("loads", "", as_written(str(error))),))
    _check_explanations(model, explained)
    evidence = ModelEvidence(
        name=entry.name,
        service=model.service,
        features=model.features,
        has_strata=model.strata is not None,
        documents=model.documents,
    )
    return evaluate(evidence, champion, gate, explained).with_reasons(
        tuple(readiness(home, model, online))
    )


def _check_explanations(model: ModelVersion, explained: Mapping[str, str]) -> None:
    try:
        flagged = unexplained(
            read_document(TrainingFacts, model.documents.get(TRAINING), TRAINING), {}
        )
    except InputError:
        flagged = {}
    for name, reason in explained.items():
        if name not in flagged:
            raise InputError(
                "--explain-flag",
                f"must name a flag of the version ({', '.join(flagged) or 'it has none'})",
                name,
            )
        if not reason.strip():
            raise InputError("--explain-flag", "must give a reason: NAME=REASON", f"{name}=")


def _champion(home: Home, name: str) -> CurrentChampion | None:
    current = [entry for entry in list_versions(home, name) if CHAMPION in entry.aliases]
    if not current:
        return None
    (entry,) = current
    description = _readable_documents(home, entry).get("model.json")
    described = description if isinstance(description, dict) else {}
    return CurrentChampion(
        number=entry.number,
        ungated=entry.tags.get(UNGATED) == "true",
        service=str(described.get("service", "")),
        features=tuple(described.get("features", ())),
    )


def _refuse_uplift(home: Home, entry: RegistryEntry) -> None:
    if not entry.name.startswith(UPLIFT):
        return
    results = "; ".join(
        ", ".join(f"{key} {value}" for key, value in summary.items())
        for summary in uplift_verdicts(_readable_documents(home, entry))
    )
    raise ModelError(
        f"model {entry.name}",
        "is evaluated by its experiment, not by this gate: a randomised campaign must show that the action works or is targetable"
        f" (version {entry.number} says: {results or 'nothing readable'})",
    )


def _readable_documents(home: Home, entry: RegistryEntry) -> dict[str, Any]:
    try:
        return read_documents(entry.address(home))
    except ModelError:
        return {}


def _card(entry: RegistryEntry, documents: Mapping[str, Any]) -> str:
    decided = verdicts(entry.tags)
    return model_card(
        entry.name, entry.number, documents, decided[-1] if decided else None, entry.aliases
    )


def _listed(entry: RegistryEntry) -> ListedVersion:
    horizons = [int(days) for name in entry.metrics if (days := _horizon_of(name))]
    horizon = max(horizons, default=None)
    suffix = "" if horizon is None else f"_{horizon}d"
    figures = {}
    for metric in MAIN_FIGURES:
        names = {"value": "", "low": "_low", "high": "_high"}
        interval = {
            key: entry.metrics.get(f"{metric}{suffix}{ending}") for key, ending in names.items()
        }
        if interval["value"] is not None:
            figures[metric] = {key: value for key, value in interval.items() if value is not None}
    decided = verdicts(entry.tags)
    gate = ("passed" if decided[-1]["passed"] else "refused") if decided else "not asked"
    return ListedVersion(
        name=entry.name,
        number=entry.number,
        aliases=entry.aliases,
        made_at=entry.made_at.isoformat(timespec="seconds"),
        gate="ungated" if entry.tags.get(UNGATED) == "true" else gate,
        horizon_days=horizon,
        figures=figures,
    )


def _horizon_of(metric: str) -> str | None:
    name, _, days = metric.rpartition("_")
    return days[:-1] if name in METRICS and days.endswith("d") and days[:-1].isdigit() else None
