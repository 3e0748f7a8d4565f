"""The features of an operator's own tables, from taking rows in to serving them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from features.mapping.opening import open_raw_tables, place_of
from features.online.settings import OnlineSettings
from features.operator.repository import Change, OperatorRepository
from features.raw_tables.options import RawOptions
from features.settings import FeatureSettings, OperatorSettings
from features.sources import open_source
from features.sources.files.text_form import TextForms
from holdfast.clock import keep_time
from holdfast.errors import InputError
from holdfast.home import Home, locked
from holdfast.zone import day_start
from models.words.own import words_of
from pipeline.privacy.pending import finish_pending_removal

if TYPE_CHECKING:
    from features.compute.build import BuildReport
    from features.intake.check import Judge
    from features.intake.expectations import Expectations
    from features.intake.report import CheckReport, Intake
    from features.intake.verdicts import NightVerdict
    from features.operator.materialize import Materialized


_OWN_ZONE = OperatorSettings()


@dataclass(frozen=True, kw_only=True)
class FeatureBuild:
    """What a build of features did.

    Parameters
    ----------
    check : CheckReport or None
        What was taken in; None where the raw store was used as it is.
    build : BuildReport
        What was computed.
    quarantine : Path
        Folder of the rows that were not taken in.
    readings : mapping of str to object
        How each raw table was read when it was taken in, as JSON.
    """

    check: "CheckReport | None"
    build: "BuildReport"
    quarantine: Path
    readings: Mapping[str, object] = field(default_factory=dict)

    @property
    def quarantined(self) -> int:
        """Rows that were not taken in."""
        return 0 if self.check is None else sum(table.quarantined for table in self.check.tables)

    @property
    def night(self) -> "NightVerdict | None":
        """What was made of the tables taken in."""
        return None if self.check is None else self.check.night

    @property
    def disabled(self) -> Mapping[str, tuple[str, ...]]:
        """Absent tables and the features that each disables."""
        lacking: dict[str, dict[str, None]] = {}
        for features in self.build.disabled.values():
            for feature, tables in features.items():
                for table in tables:
                    lacking.setdefault(table, {})[feature] = None
        return {table: tuple(lacking[table]) for table in sorted(lacking)}

    def to_json(self) -> dict[str, object]:
        """The result as one JSON object."""
        return {
            "at": self.build.at.isoformat(),
            "built": list(self.build.built),
            "skipped": list(self.build.skipped),
            "history_share": self.build.history_share,
            "rows": dict(self.build.rows),
            "disabled": {table: list(names) for table, names in self.disabled.items()},
            "restated": {table: since.isoformat() for table, since in self.build.restated.items()},
            "outdated": list(self.build.outdated),
            "beyond_rows": list(self.build.beyond_rows),
            "from_earlier_release": self.build.from_earlier_release,
            "readings": dict(self.readings),
            "check": self.check and self.check.to_json(),
            "night": self.night and self.night.to_json(),
            "seconds": self.build.seconds,
        }


def build_features(
    home: Home,
    settings: FeatureSettings,
    *,
    now: datetime,
    online: OnlineSettings | None = None,
    source: str | None = None,
    encoding: str | None = None,
    watermark: str | None = None,
    options: RawOptions | None = None,
    at: datetime | None = None,
    expectations: "Expectations | None" = None,
    operator: OperatorSettings = _OWN_ZONE,
) -> FeatureBuild:
    """Take raw tables in and compute the features that are missing.

    Parameters
    ----------
    home : Home
        Where the raw store, the quarantine and the feature tables lie.
    settings : FeatureSettings
        How features are computed.
    now : datetime
        With a time zone: a row that claims to arrive later is not known yet.
    online : OnlineSettings, optional
        Which online store the registry names, as `features.operator.repository.OperatorRepository`.
    source : str, optional
        Folder, SQLAlchemy URL or mapping file of the raw tables. Default: the raw store as it is.
    encoding : str, optional
        Of its text files that are not UTF-8, where a person named it.
    watermark : str, optional
        Of a database: by which column only what is new is read. Default: all of it is.
    options : RawOptions, optional
        How to read what is in doubt. Default: it is a question.
    at : datetime, optional
        Midnight of the newest snapshot; without a time zone, the operator's on that day. Default: the
        last one that the data reach.
    expectations : Expectations, optional
        What is expected of the tables taken in, and which of them may be absent although the last
        build had them. Default: tables are taken as they are, and none may be. They count in the
        operator's days.
    operator : OperatorSettings
        In which time zone days and weeks are counted.

    Raises
    ------
    OpenQuestions
        Columns can be read in more than one way.
    InputError
        The tables cannot be taken in, there are none, one that the last build had is absent, or the
        home was built in another time zone.
    NightStoppedError
        The tables are not as expected. Nothing was replaced.
    HomeError
        Another process writes in the home.
    """
    if source is None and not home.raw.exists():
        raise InputError(
            "SOURCE",
            "must be given the first time: a folder of raw tables, a SQLAlchemy URL or a mapping file",
        )
    forms = None
    if source is not None:
        forms = TextForms.read(home.raw)
        open_raw_tables(source, encoding, watermark, forms)
    # Imported here, so that a wrong source is refused before that takes its seconds.
    from features.compute.build import bring_up_to_date
    from features.intake.store import stored_readings
    from features.own.consistency import require_consistent
    from features.retained.kept_since import KeptSince

    repository = OperatorRepository(home, online)
    # Before anything is replaced: a file of the home's own features may be wrong.
    require_consistent(repository.catalogue.own)
    words_of(repository.catalogue.own)
    zone = repository.zone_for(operator)
    moment = at if at is None or at.tzinfo else day_start(at.date(), zone)
    with locked(home):
        finish_pending_removal(home)
        check = (
            None
            if source is None
            else take_in(
                home,
                source,
                now=now,
                encoding=encoding,
                watermark=watermark,
                options=options,
                expectations=expectations and replace(expectations, zone=zone),
                forms=forms,
            )
        )
        report = bring_up_to_date(
            home.raw,
            repository.directory,
            settings,
            now=now,
            at=moment,
            accepted=() if expectations is None else expectations.accepted,
            catalogue=repository.catalogue,
            zone=zone,
            kept=KeptSince.read(home.kept_since),
        )
        repository.apply()
        readings = stored_readings(home.raw)
    return FeatureBuild(check=check, build=report, quarantine=home.quarantine, readings=readings)


def take_in(
    home: Home,
    source: str,
    *,
    now: datetime,
    encoding: str | None = None,
    watermark: str | None = None,
    options: RawOptions | None = None,
    expectations: "Expectations | None" = None,
    forms: TextForms | None = None,
) -> "CheckReport":
    """Check raw tables and take them into the home's raw store, with what time it is for them, and
    beside them what the home's own care gave back.

    Parameters
    ----------
    home : Home
        Where the raw store and the quarantine lie.
    source : str
        Folder, SQLAlchemy URL or mapping file of the raw tables.
    now : datetime
        With a time zone, as `holdfast.clock.home_clock` gives it for this source.
    encoding, watermark, options, expectations
        As in `build_features`, with its errors.
    forms : TextForms, optional
        How text files are written that have not changed. Default: as the raw store knows it.
    """
    forms = forms or TextForms.read(home.raw)
    tables = open_raw_tables(source, encoding, watermark, forms)
    from features.compute.known import last_build, require_last_tables
    from features.erased.erased_ids import ErasedIds
    from features.erased.erased_rows import ErasedRows
    from features.intake.check import accept
    from features.intake.store import settled_marks
    from features.retained.kept_since import KeptSince
    from features.retained.own_decisions import OwnDecisions
    from features.retained.refused_rows import RefusedRows
    from features.sources.joined import JoinedTables

    if home.exported_care.exists():
        tables = JoinedTables(tables, open_source(str(home.exported_care)))
    with locked(home):
        finish_pending_removal(home)
        if expectations is None:
            # Expectations ask so themselves, and may keep yesterday's rows of an absent table.
            last = last_build(OperatorRepository(home).directory)
            require_last_tables(tables.tables(), (), last)
        erased = ErasedRows(ErasedIds.read(home.erased))
        report = accept(
            tables,
            home.raw,
            quarantine=home.quarantine,
            now=now,
            options=options or RawOptions(),
            disables=OperatorRepository(home).catalogue.features_without,
            judge=None if expectations is None else _recorded(expectations, home, now),
            refused=RefusedRows(
                erased, KeptSince.read(home.kept_since), OwnDecisions.read(home.exported_care)
            ),
        )
        if erased.has_grown:
            erased.ids.write(home.erased)
        forms.write(home.raw, settled_marks(home.raw))
        keep_time(home, place_of(source))
    return report


def _recorded(expectations: "Expectations", home: Home, now: datetime) -> "Judge":
    """A judge whose verdicts stay in the home, also those that stop."""
    from features.intake.night_record import NightRecord

    def judge(intake: "Intake") -> "NightVerdict":
        # No other night says how many contacts of our own there should be, and they must not hide
        # that those of other systems are missing.
        night = expectations.judge(
            replace(
                intake,
                files=lambda name: _of_others(intake.files(name)),
                present=lambda name: _of_others(intake.present(name)),
            )
        )
        NightRecord(home.expectations).write(night, now, expectations.accepted_by)
        return night

    return judge


def _of_others(files: Sequence[Path]) -> Sequence[Path]:
    from features.retained.own_decisions import OWN_CARE_PART

    return [path for path in files if path.name != OWN_CARE_PART]


def apply_features(home: Home, online: OnlineSettings | None = None) -> list[Change]:
    """Make the registry hold what the definitions say; errors as in `holdfast.home.locked`."""
    with locked(home):
        return OperatorRepository(home, online).apply()


def materialize_features(home: Home, online: OnlineSettings | None = None) -> "Materialized":
    """Write the newest snapshot into the online store; errors as in
    `features.operator.materialize.materialize`.
    """
    repository = OperatorRepository(home, online)
    repository.require_tables()
    from features.live.held import HeldLimits
    from features.operator.materialize import materialize

    settings = online or OnlineSettings()
    with locked(home):
        return materialize(repository, HeldLimits(settings.held_events, settings.held_days))
