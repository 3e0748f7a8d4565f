"""The night: raw tables in, features, records for serving, scores, and a summary.

Steps run in order under the home's lock. Each writes beside what is there and moves it in place at
its end, so that a night that is stopped or killed leaves yesterday's scores standing, and the next
one carries on where it was. A step whose inputs are those of the last time does nothing.
"""

import hashlib
import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from features.compute.queries import view_queries
from features.intake.expectations import Expectations
from features.intake.verdicts import NightStoppedError
from features.online.settings import OnlineSettings
from features.operator.newest import newest_digest
from features.operator.repository import OperatorRepository
from features.sources.files.text_form import TextForms
from features.sources.place import is_folder
from features.sql.parts import raw_identity
from features.tables.plan import OpenQuestions
from holdfast.clock import Clock, time_origin
from holdfast.errors import HoldfastError
from holdfast.failpoint import Failpoint, no_failpoint
from holdfast.home import Home, locked
from holdfast.sentences import Sentence, as_written, named, parted, read_sentence, sentence
from holdfast.zone import day_of, day_start, midnight_before, zone_name
from models.registry import RegistryEntry
from pipeline.features import build_features, materialize_features, take_in
from pipeline.night.care import NightCare
from pipeline.night.care_step import CareStep
from pipeline.night.config import NightConfig
from pipeline.night.found import changed_scores, judged_tables
from pipeline.night.night import (
    STEPS,
    Night,
    NightRecords,
    Step,
    StepName,
    require_beginning,
)
from pipeline.night.options import NightOptions
from pipeline.night.rested_on import tables_rested_on
from pipeline.night.score import score_everybody
from pipeline.night.scoring_versions import find_versions
from pipeline.night.source_files import source_files
from pipeline.night.status import (
    are_scored_by,
    newest_scores,
    read_status,
    scores_of,
    write_status_page,
)
from pipeline.privacy.needs import require_long_enough
from pipeline.privacy.pending import finish_pending_removal
from pipeline.privacy.retention import apply_retention

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Outcome:
    """What a step did."""

    sentence: Sentence
    result: dict[str, Any]
    is_skipped: bool = False


Told = Callable[[Step], None]
Asked = Callable[[OpenQuestions], None]


def run_night(
    home: Home,
    options: NightOptions,
    config: NightConfig,
    *,
    clock: Clock,
    online: OnlineSettings,
    care: NightCare | None = None,
    begin: Callable[[StepName], None] = lambda name: None,
    end: Told = lambda step: None,
    asked: Asked = lambda questions: None,
    failpoint: Failpoint = no_failpoint,
) -> Night:
    """Run a night.

    Parameters
    ----------
    home : Home
        The operator's home.
    options : NightOptions
        What was asked.
    config : NightConfig
        Its settings.
    clock : Clock
        The home's (`holdfast.clock.home_clock`).
    online : OnlineSettings
        Where the newest features go.
    care : NightCare, optional
        What to do about care (`pipeline.care.nightly.night.CareOfNight`). Default: nothing.
    begin, end : callable
        Told of every step, before and after.
    asked : callable
        Told of what must be decided about the raw tables, where that stops the night.
    failpoint : Failpoint, optional
        For tests.

    Returns
    -------
    Night
        What was done. Where a step failed, its verdict is ``stopped`` and nothing of that step was
        put in place.

    Raises
    ------
    InputError
        The source is missing, there are no raw tables, or something would be kept for less time
        than features or labels need; nothing was begun.
    HomeError
        The home cannot be used, or another process writes there.
    """
    require_beginning(home, options.source)
    require_long_enough(config.retention, config.training)
    with locked(home, wait_seconds=options.wait_seconds):
        finish_pending_removal(home)
        if home.erasing.exists():
            # An erasure that was killed goes on before anything new is made of the person.
            from pipeline.privacy.erase import finish_erasure

            finish_erasure(home, config.care)
        told = (begin, end, asked, failpoint)
        return _Run(home, options, config, clock, online, care, *told).run()


class _Run:
    """One night."""

    def __init__(
        self,
        home: Home,
        options: NightOptions,
        config: NightConfig,
        clock: Clock,
        online: OnlineSettings,
        care: NightCare | None,
        begin: Callable[[StepName], None],
        end: Told,
        asked: Asked,
        failpoint: Failpoint,
    ) -> None:
        self._home, self._options, self._config = home, options, config
        self._clock, self._online = clock, online
        self._care_step = CareStep(home, care)
        self._begin, self._end, self._asked = begin, end, asked
        self._failpoint = failpoint
        self._records = NightRecords(home)
        self._repository = OperatorRepository(home, online)
        self._zone = self._repository.zone_for(config.operator)
        self._at = None if options.at is None else day_start(options.at, self._zone)
        self._night = Night.begun(
            self._records.next_number(), clock().isoformat(), time_origin(home)
        )

    def run(self) -> Night:
        try:
            if self._options.first_step == STEPS[0]:
                self._care_step.export()
            for name in STEPS[STEPS.index(self._options.first_step) :]:
                self._begin(name)
                self._night = self._night.with_step(self._step(name))
                self._end(self._night.steps[-1])
                self._note()
                self._failpoint(f"{name}: noted")
        except Exception as error:  # whatever a step raises, the night says what it was
            self._stop(error)
        else:
            self._finish()
        if not self._night.changed_nothing:
            self._records.write(self._night)
            status = read_status(self._home, self._clock)
            write_status_page(self._home, status, self._options.language)
        return self._night

    def _step(self, name: StepName) -> Step:
        begun = time.monotonic()
        inputs = getattr(self, f"_{name}_inputs")()
        digest = None if inputs is None else _digest(inputs)
        before = self._records.last(name)
        is_as_before = before is not None and digest is not None and before.inputs == digest
        if before is not None and is_as_before and self._stands(name):
            return replace(before, status="unchanged", seconds=time.monotonic() - begun)
        self._failpoint(f"{name}: begun")
        outcome: _Outcome = getattr(self, f"_{name}")()
        self._failpoint(f"{name}: done")
        return Step(
            name=name,
            status="skipped" if outcome.is_skipped else "done",
            sentence=outcome.sentence,
            inputs=None if outcome.is_skipped else digest,
            seconds=round(time.monotonic() - begun, 2),
            result=outcome.result,
        )

    def _stands(self, name: StepName) -> bool:
        """Whether what a step made is still there: `holdfast score` may have scored by another version
        since, which was champion for some hours.
        """
        return name != "score" or are_scored_by(self._home, self._versions[0])

    # The steps, each with its inputs: JSON that tells whether there is anything to do.

    def _take_in_inputs(self) -> object:
        source = self._options.source
        if source is None or not is_folder(source):
            return None  # what a database or a store holds cannot be told without asking it
        files = source_files(source, self._options.encoding, self._forms)
        if files is None:
            return None
        return [
            source,
            self._options.encoding,
            repr(self._options.reading),
            files,
            self._judged_night().isoformat(),
            sorted(self._options.accepted),
            sorted(self._stop_tables),
            self._config.expectations.model_dump(),
            self._care_step.exported(),
        ]

    def _take_in(self) -> _Outcome:
        if self._options.source is None:
            return _Outcome(sentence("no_raw_tables"), {}, True)
        report = take_in(
            self._home,
            self._options.source,
            now=self._clock(),
            encoding=self._options.encoding,
            watermark=self._options.watermark,
            options=self._options.reading,
            forms=self._forms,
            expectations=Expectations(
                self._config.expectations,
                stop_tables=self._stop_tables,
                accepted=self._options.accepted,
                accepted_by=self._options.accepted_by,
                night=self._judged_night(),
                zone=self._zone,
            ),
        )
        rows = sum(table.accepted for table in report.tables)
        quarantined = sum(table.quarantined for table in report.tables)
        needless = () if report.night is None else report.night.needlessly_accepted
        counts = {"rows": rows, "tables": len(report.tables), "quarantined": quarantined}
        return _Outcome(
            sentence("taken_in_needlessly", needless=needless, **counts)
            if needless
            else sentence("taken_in", **counts),
            {
                "accepted": rows,
                "quarantined": quarantined,
                "look_into": [f"{doubt.table}: {doubt.about}" for doubt in report.doubts],
                **judged_tables(report.night),
            },
        )

    @cached_property
    def _forms(self) -> TextForms:
        """How text files are written that have not changed since they were taken in."""
        return TextForms.read(self._home.raw)

    def _judged_night(self) -> datetime:
        """Midnight that ends the day whose rows are expected tonight."""
        return self._at or midnight_before(self._clock(), self._zone)

    @cached_property
    def _stop_tables(self) -> frozenset[str]:
        """Tables that the models in use rest on."""
        return tables_rested_on(self._home)

    def _features_inputs(self) -> object:
        return [
            raw_identity(self._home.raw),
            self._at and str(day_of(self._at, self._zone)),
            str(day_of(self._clock(), self._zone)),
            *(() if self._zone is UTC else (zone_name(self._zone),)),
            self._config.scoring.features.model_dump(),
            view_queries(self._config.scoring.features.margin_shares, self._repository.catalogue),
        ]

    def _features(self) -> _Outcome:
        built = build_features(
            self._home,
            self._config.scoring.features,
            now=self._clock(),
            online=self._online,
            at=self._at,
            operator=self._config.operator,
            expectations=Expectations(self._config.expectations, accepted=self._options.accepted),
        ).build
        return _Outcome(
            sentence(
                "built",
                day=str(day_of(built.at, self._zone)),
                built=len(built.built),
                all=len(built.built) + len(built.skipped),
            ),
            {"at": built.at.isoformat(), "rows": dict(built.rows), "built": list(built.built)},
        )

    def _materialize_inputs(self) -> object:
        return [newest_digest(self._repository), self._online.model_dump(mode="json")]

    def _materialize(self) -> _Outcome:
        written = materialize_features(self._home, self._online)
        records = sum(written.rows.values())
        return _Outcome(
            sentence("materialized", records=records, skipped=len(written.skipped)),
            {"rows": written.rows, "skipped": list(written.skipped)},
        )

    def _score_inputs(self) -> object:
        versions, skipped = self._versions
        return [
            [[entry.name, entry.number, alias] for entry, alias in versions],
            sorted(skipped),
            newest_digest(self._repository),
            raw_identity(self._home.raw),
            self._config.scoring.to_json(),
        ]

    @cached_property
    def _versions(self) -> tuple[list[tuple[RegistryEntry, str]], dict[str, Sentence]]:
        return find_versions(self._home)

    def _score(self) -> _Outcome:
        run = score_everybody(
            self._home,
            self._config.scoring,
            clock=self._clock,
            online=self._online,
            failpoint=self._failpoint,
        )
        if not run.sets:
            why = [
                sentence("not_scored", model=name, why=reason)
                for name, reason in run.skipped.items()
            ]
            return _Outcome(sentence("nobody_scored", why=parted(why)), run.to_json(), True)
        scored = [
            sentence(
                "scored_by",
                entities=facts.entities,
                model=facts.model,
                version=facts.version,
                alias=named(facts.alias),
            )
            for facts in run.sets
        ]
        changed = changed_scores(run.changes)
        return _Outcome(sentence("scored", scored=scored, changed=changed), run.to_json())

    def _care_inputs(self) -> object:
        return self._care_step.inputs(self._night, day_of(self._clock(), self._zone))

    def _care(self) -> _Outcome:
        return _Outcome(*self._care_step.run(self._night))

    def _retention_inputs(self) -> object:
        return [
            str(day_of(self._clock(), self._zone)),
            self._config.retention.model_dump(),
        ]

    def _retention(self) -> _Outcome:
        removed = apply_retention(
            self._home,
            self._config.retention,
            training=self._config.training,
            now=self._clock(),
            failpoint=lambda place: self._failpoint(f"retention: {place}"),
        )
        rows = sum(one.rows or 0 for one in removed)
        files = sum(one.rows is None for one in removed)
        return _Outcome(
            sentence("removed", files=files, rows=rows) if removed else sentence("kept_all"),
            {"removed": [one.to_json() for one in removed]},
        )

    def _summary_inputs(self) -> object:
        return [[step.name, step.inputs, step.status == "skipped"] for step in self._night.steps]

    def _summary(self) -> _Outcome:
        scores = scores_of(self._home, self._night.at) if self._night.at else ()
        return _Outcome(
            sentence("scores_by", models=[facts.model for facts in scores])
            if scores
            else sentence("no_scores"),
            {"scores": [facts.to_json() for facts in scores]},
        )

    def _note(self) -> None:
        """Keep how far the night has come, unless nothing had to be done so far."""
        results = {step.name: step.result for step in self._night.steps}
        taken_in = results.get("take_in") or self._taken_in_before
        built = results.get("features") or _result(self._records.last("features"))
        doubts = [read_sentence(one) for one in taken_in.get("doubts", ())]
        care_may_run = taken_in.get("care_may_run", False)
        newer = [
            one.at for one in newest_scores(self._home) if one.at > (built.get("at") or one.at)
        ]
        if newer:
            doubts.append(sentence("older_than_scores", day=newer[0][:10]))
        doubts += self._care_step.doubts
        self._night = replace(
            self._night,
            clock=time_origin(self._home),
            at=built.get("at"),
            tables=taken_in.get("tables", {}),
            doubt_sentences=tuple(doubts),
            care_may_run=bool(care_may_run) and not newer,
        )
        if not self._night.changed_nothing:
            self._records.write(self._night)

    @cached_property
    def _taken_in_before(self) -> dict[str, Any]:
        """What was made of the raw tables that were read last, by a night before this one."""
        for night in self._records.newest_first():
            step = night.step("take_in")
            if step is None or step.status == "skipped":
                continue
            if step.status != "stopped":
                return step.result
            why = sentence("not_taken_in", number=night.number, why=step.sentence)
            return {"tables": night.tables, "doubts": [why.to_json()], "care_may_run": False}
        return {}

    def _stop(self, error: Exception) -> None:
        if isinstance(error, OpenQuestions):
            self._asked(error)
        expected = isinstance(error, HoldfastError)
        if not expected:
            _log.error("a step of the night failed", exc_info=error)
        if isinstance(error, NightStoppedError):
            message = error.sentence
        elif expected:
            message = as_written(str(error))
        else:
            message = sentence("unexpected", kind=type(error).__name__, error=str(error))
        name = STEPS[STEPS.index(self._options.first_step) + len(self._night.steps)]
        stopped = Step(
            name=name, status="stopped", sentence=message, inputs=None, seconds=0.0, result={}
        )
        self._end(stopped)
        self._night = replace(
            self._night.with_step(stopped),
            verdict="stopped",
            error_sentence=message,
            tables=judged_tables(error.night)["tables"]
            if isinstance(error, NightStoppedError)
            else self._night.tables,
            care_may_run=False,
            ended_at=self._clock().isoformat(),
        )

    def _finish(self) -> None:
        self._night = replace(
            self._night,
            verdict="doubts" if self._night.doubt_sentences else "done",
            ended_at=self._clock().isoformat(),
        )


def _result(step: Step | None) -> dict[str, Any]:
    return {} if step is None else step.result


def _digest(document: object) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
