"""Network quality that customers share: quality of cells by week, and incidents."""

from dataclasses import dataclass

import numpy as np

from features.contracts.vocabulary import INCIDENT_LEVELS
from simulator.world.calendar import (
    DAY,
    FIRST_WEEK,
    HOUR,
    MINUTE,
    NEVER,
    SECOND,
    season,
    start_of,
)
from simulator.world.draws import Array, Draws
from simulator.world.parameters import NetworkParameters
from simulator.world.regions import REGIONS, shares
from simulator.world.rows import Rows

CELL, REGION, NATION = range(len(INCIDENT_LEVELS))


@dataclass(frozen=True)
class Incidents:
    """Incidents that start in one week, one array entry each.

    `level` and `severity` are indices of the contract's values.
    """

    level: Array
    area: Array
    severity: Array
    started_at: Array
    expected_end_at: Array
    ended_at: Array
    badly_announced: Array
    """The announced end was hours too early."""


class Network:
    """Cells, their quality and their incidents, computed week by week from the burn-in on, and kept.

    Parameters
    ----------
    draws : Draws
        Random numbers that all blocks share.
    parameters : NetworkParameters
        Magnitudes.
    customers : int
        Customers of the operator; the number of cells is proportional.
    """

    def __init__(self, draws: Draws, parameters: NetworkParameters, customers: int) -> None:
        self._draws = draws
        self._parameters = parameters
        cells = max(parameters.cells_least, customers // parameters.customers_per_cell)
        self.region = np.minimum(
            np.searchsorted(np.cumsum(shares()), (np.arange(cells) + 0.5) / cells), len(REGIONS) - 1
        )
        """Region of each cell, ascending."""
        self.first_cell = np.searchsorted(self.region, np.arange(len(REGIONS)))
        self.cells_in = np.bincount(self.region, minlength=len(REGIONS))
        start = draws.generator("cells")
        self._base = parameters.cell_base_sd * start.standard_normal(cells)
        self._trend = parameters.cell_trend_sd * start.standard_normal(cells)
        self._wave = np.zeros(cells)
        self._region_wave = np.zeros(len(REGIONS))
        self._badness: list[Array] = []
        self._incidents: list[Incidents] = []
        self._outages: dict[int, tuple[Array, Array]] = {}

    @property
    def lasting_badness(self) -> Array:
        """How bad each cell's quality is on average."""
        return self._base

    @property
    def cells(self) -> int:
        """Number of cells."""
        return len(self.region)

    def badness(self, week: int) -> Array:
        """How bad each cell's quality is in a week: 0 is usual, 1 clearly degraded."""
        self._go_to(week)
        return self._badness[week - FIRST_WEEK]

    def incidents(self, week: int) -> Incidents:
        """Incidents that start in a week."""
        self._go_to(week)
        return self._incidents[week - FIRST_WEEK]

    def _go_to(self, week: int) -> None:
        while (next_week := FIRST_WEEK + len(self._badness)) <= week:
            self._step(next_week)

    def _step(self, week: int) -> None:
        magnitudes = self._parameters
        noise = self._draws.normal("cell quality", week, self.cells)
        episode = self._draws.uniform("cell episode", week, self.cells) < magnitudes.episode_chance
        regional = self._draws.normal("region quality", week, len(REGIONS))
        self._wave = (
            magnitudes.cell_memory * self._wave
            + magnitudes.cell_week_sd * noise
            + magnitudes.episode_size * episode
        )
        self._region_wave = 0.9 * self._region_wave + magnitudes.region_week_sd * regional
        trend = self._trend * np.minimum(week, 104)
        self._badness.append(
            np.asarray(
                self._base
                + trend
                + self._wave
                + self._region_wave[self.region]
                + 0.1 * season(week),
                dtype=np.float32,
            )
        )
        self._incidents.append(self._draw_incidents(week))

    def _draw_incidents(self, week: int) -> Incidents:
        magnitudes = self._parameters
        load = np.exp(0.5 * np.clip(self._badness[week - FIRST_WEEK], -2, 2))
        hit = [
            np.flatnonzero(
                self._draws.uniform("cell incident", week, self.cells)
                < magnitudes.cell_incident_chance * load
            ),
            np.flatnonzero(
                self._draws.uniform("region incident", week, len(REGIONS))
                < magnitudes.region_incident_chance
            ),
            np.flatnonzero(
                self._draws.uniform("nation incident", week, 1) < magnitudes.nation_incident_chance
            ),
        ]
        level = np.repeat(np.arange(3), [len(areas) for areas in hit])
        area = np.concatenate(hit)
        key = level * 1_000_000 + area
        draw = [
            self._draws.at(f"incident {what}", key, week)
            for what in ("start", "length", "severity", "promise")
        ]
        severity = (draw[2] > 0.6).astype(np.int8) + (draw[2] > 0.9)
        hours = np.array([2.0, 5.0, 11.0])[severity] * np.exp(0.6 * (2 * draw[1] - 1) * 1.6)
        started = (start_of(week) + (draw[0] * 6.9 * DAY).astype(np.int64)) // MINUTE * MINUTE
        badly_announced = draw[3] < 0.3
        promised = np.where(badly_announced, 0.4, 1.15) * hours
        return Incidents(
            level=level,
            area=area,
            severity=severity,
            started_at=started,
            expected_end_at=started + (promised * 4).astype(np.int64) * (HOUR // 4) + 10 * MINUTE,
            ended_at=started + (hours * 60).astype(np.int64) * MINUTE + MINUTE,
            badly_announced=badly_announced,
        )

    def outage_minutes(self, week: int) -> tuple[Array, Array]:
        """Minutes without service per cell in a week, and whether they were badly announced.

        Incidents count in the week they start; regional and national ones affect a part of the
        cells.
        """
        if week not in self._outages:
            self._outages[week] = self._outage_minutes(week)
        return self._outages[week]

    def _outage_minutes(self, week: int) -> tuple[Array, Array]:
        incidents = self.incidents(week)
        minutes = np.zeros(self.cells)
        badly = np.zeros(self.cells, dtype=bool)
        for number in range(len(incidents.level)):
            level, area = int(incidents.level[number]), int(incidents.area[number])
            if level == CELL:
                hit = np.arange(self.cells) == area
            else:
                part = (
                    self._draws.at("incident reach", np.arange(self.cells), week, level, area)
                    < (0.35, 0.35, 0.2)[level]
                )
                hit = part & ((self.region == area) | (level == NATION))
            length = (incidents.ended_at[number] - incidents.started_at[number]) // MINUTE
            share = (0.25, 0.6, 1.0)[int(incidents.severity[number])]
            minutes[hit] += length * share
            badly[hit] |= bool(incidents.badly_announced[number])
        return np.minimum(minutes, 10_080), badly

    def emit(self, rows: Rows, week: int) -> None:
        """Emit a week's incidents: their start, a change of the announced end, and their end."""
        incidents = self.incidents(week)
        number = np.arange(len(incidents.level))
        key = week * 100_000 + number
        common = {
            "incident_id": key,
            "level": incidents.level,
            "area_id": np.where(
                incidents.level == NATION, -1, incidents.level * 1_000_000 + incidents.area
            ),
            "severity": incidents.severity,
            "started_at": incidents.started_at,
            "expected_end_at": incidents.expected_end_at,
        }
        rows.add(
            "incidents",
            key,
            incidents.started_at + 5 * MINUTE,
            **common,
            ended_at=np.full(len(key), NEVER),
        )
        late = incidents.badly_announced & (incidents.expected_end_at < incidents.ended_at)
        changed = {name: value[late] for name, value in common.items()}
        changed["expected_end_at"] = incidents.ended_at[late] + HOUR
        rows.add(
            "incidents",
            key[late],
            incidents.expected_end_at[late],
            **changed,
            ended_at=np.full(int(late.sum()), NEVER),
        )
        common["expected_end_at"] = np.where(
            late, incidents.ended_at + HOUR, incidents.expected_end_at
        )
        rows.add(
            "incidents",
            key,
            incidents.ended_at + 30 * SECOND,
            **common,
            ended_at=incidents.ended_at,
        )
