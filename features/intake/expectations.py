"""Expectations of tonight: what is done where raw tables are not as on other nights.

This module needs no library that takes seconds to import; `features.intake.judge` does the
comparison.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING

from features.intake.verdicts import (
    NightVerdict,
    Policy,
    TableVerdict,
    Used,
    Verdict,
    require_tables,
)
from features.settings import ExpectationSettings

if TYPE_CHECKING:
    from features.intake.comparison import Unusual
    from features.intake.judge import NightJudge
    from features.intake.report import Intake

_WEIGHT: tuple[Verdict, ...] = ("missing", "late", "thin", "changed")


@dataclass(frozen=True)
class Expectations:
    """What is expected of tonight.

    Parameters
    ----------
    settings : ExpectationSettings
        Policies and budgets.
    stop_tables : collection of str
        Tables that stop the night besides those of the settings: what a champion rests on.
    accepted : frozenset of str
        Tables that a person takes as they are.
    accepted_by : str
        Who does; empty where nobody was named.
    night : datetime, optional
        Midnight that ends the day to be judged, UTC. Default: the last one that the data reach,
        tonight's or those already there.
    zone : tzinfo
        The operator's, whose days are compared.

    Raises
    ------
    InputError
        An accepted table is none.
    """

    settings: ExpectationSettings
    stop_tables: Collection[str] = ()
    accepted: frozenset[str] = frozenset()
    accepted_by: str = ""
    night: datetime | None = None
    zone: tzinfo = UTC

    def __post_init__(self) -> None:
        if self.accepted:
            from features.contracts.tables import TABLES

            require_tables("--accept", self.accepted, TABLES)

    def judge(self, intake: "Intake") -> NightVerdict:
        """Compare tonight's tables with what is usual.

        Raises
        ------
        InputError
            A table of the settings is none.
        """
        # Imported here, so that a wrong source is refused before that takes its seconds.
        from features.contracts.tables import TABLES
        from features.intake.judge import NightJudge

        require_tables(ExpectationSettings.variable("stop"), self.settings.stop_tables, TABLES)
        with NightJudge(intake, self.settings.quarantine_share, self.night, self.zone) as judge:
            verdicts = [
                self._decide(name, judge.unusual(name), judge)
                for name in TABLES
                if name in judge.new or name in judge.old
            ]
        return NightVerdict(
            at=judge.night,
            tables=tuple(verdicts),
            stopped=tuple(
                one.table
                for one in verdicts
                if one.doubtful and one.policy == "stop" and one.table in judge.old
            ),
        )

    def _decide(self, name: str, unusual: "Sequence[Unusual]", judge: "NightJudge") -> TableVerdict:
        verdict: Verdict = "fresh"
        if name not in judge.new:
            verdict = "missing"
        elif unusual:
            verdict = min((kind for kind, _ in unusual), key=_WEIGHT.index)
        stops = name in self.settings.stop_tables or name in self.stop_tables
        policy: Policy = "stop" if stops else "use yesterday's"
        accepted = name in self.accepted
        used: Used = "tonight's" if name in judge.new else "none"
        if verdict != "fresh" and not accepted and name in judge.old:
            used = "yesterday's"
        ordered = sorted(unusual, key=lambda pair: _WEIGHT.index(pair[0]))
        return TableVerdict(
            table=name,
            verdict=verdict,
            reasons=tuple(reason for _, reason in ordered),
            policy=policy,
            accepted=accepted,
            used=used,
            **judge.beside_other_nights(name),
        )
