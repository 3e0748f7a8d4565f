"""A simulated operator in a home: raw tables, features in both stores, and one flat table to learn
from.
"""

import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.csv as pa_csv

from features.flat.customers import Roles
from features.online.settings import OnlineSettings
from features.operator.repository import OperatorRepository
from features.settings import FeatureSettings
from holdfast.errors import HomeError, InputError
from holdfast.files import write_beside
from holdfast.home import Home
from pipeline.features import FeatureBuild, build_features, materialize_features
from simulator.engine.simulation import Simulation
from simulator.engine.simulator import simulate
from training.flat.table import ID, LABEL, flat_table, newest_cutoff
from training.labelling.history import RawHistory
from training.settings import LabelSettings

FOLDER, TABLE = "operator", "subscriptions.csv"
"""What a home calls the simulation, and the flat table."""

ROLES = Roles(target=LABEL, id=ID, value="monthly_margin_91d")
"""What the columns of the flat table are, to `quickstart`."""


@dataclass(frozen=True)
class SimulatedOperator:
    """What was made.

    Parameters
    ----------
    features : FeatureBuild
        What was computed from the raw tables.
    cutoff : datetime
        The Monday that the flat table is of.
    table : Path
        The flat table, as CSV.
    """

    features: FeatureBuild
    cutoff: datetime
    table: Path


def simulated_operator(
    home: Home,
    customers: int,
    months: int,
    seed: int,
    labels: LabelSettings,
    settings: FeatureSettings | None = None,
    online: OnlineSettings | None = None,
) -> SimulatedOperator:
    """Simulate an operator and compute its features.

    Parameters
    ----------
    home : Home
        Gets ``operator/`` (raw tables and truth), ``raw/``, ``features/operator/`` and
        ``subscriptions.csv``.
    customers, months, seed : int
        As in `simulator.engine.simulator.simulate`; at least 11 months, so that there is a Monday
        to learn from.
    labels : LabelSettings
        Who is at risk and what counts as lost in the flat table.
    settings : FeatureSettings, optional
        How features are computed. Default: the defaults of `FeatureSettings`.
    online : OnlineSettings, optional
        Where the newest features go, as `features.operator.repository.OperatorRepository`.

    Raises
    ------
    HomeError
        The home holds raw tables of somebody else.
    InputError
        The period is too short for a cut-off with enough history before and the horizon after it.
    """
    features, _ = simulated_features(home, customers, months, seed, settings, online)
    cutoff, path = operator_table(home, labels)
    return SimulatedOperator(features, cutoff, path)


def operator_table(home: Home, labels: LabelSettings) -> tuple[datetime, Path]:
    """Write the flat table of a simulated operator's newest Monday with complete labels.

    Parameters
    ----------
    home : Home
        Holds ``operator/``, ``raw/`` and features; gets ``subscriptions.csv``.
    labels : LabelSettings
        Who is at risk and what counts as lost.

    Returns
    -------
    cutoff : datetime
        The Monday, UTC: all rows are as known then.
    path : Path
        The table.

    Raises
    ------
    InputError
        The period is too short for a cut-off with enough history before and the horizon after it.
    """
    simulation = Simulation.read(home.root / FOLDER)
    if simulation is None:
        raise HomeError(f"--home {home.root}", "must hold a simulated operator")
    repository, history = OperatorRepository(home), RawHistory(home.raw, _end(simulation))
    cutoff = newest_cutoff(repository, history, labels)
    if cutoff is None:
        raise InputError(
            "months",
            "must be at least 11: half a year before a Monday, and complete labels after it",
            simulation.months,
        )
    table_of_lines = flat_table(repository, history, cutoff, labels)
    path = home.root / TABLE
    with tempfile.TemporaryDirectory() as directory:
        written = Path(directory) / path.name
        pa_csv.write_csv(table_of_lines, written)
        write_beside(path, written.read_text(encoding="utf-8"))
    return cutoff, path


def require_simulated(home: Home) -> None:
    """Refuse a home that holds what a simulated operator would overwrite.

    Raises
    ------
    HomeError
        It has raw tables, or a file of the flat table's name, of somebody else.
    """
    if Simulation.read(home.root / FOLDER) is not None:
        return
    for path, what in (
        (home.raw, "raw tables of an operator that is not simulated"),
        (home.root / TABLE, "a file of somebody else's that the flat table would overwrite"),
    ):
        if path.exists():
            raise HomeError(f"--home {home.root}", f"has {what}", path.name)


def simulate_into(home: Home, customers: int, months: int, seed: int) -> datetime:
    """Simulate an operator into a home's ``operator/``, unless it is there.

    Parameters
    ----------
    home : Home
        The home.
    customers, months, seed : int
        As in `simulator.engine.simulator.simulate`.

    Returns
    -------
    datetime
        End of the simulated period, UTC.

    Raises
    ------
    HomeError
        The home holds raw tables of somebody else, or another simulated operator.
    """
    require_simulated(home)
    folder = home.root / FOLDER
    simulation = Simulation.read(folder)
    if simulation is None:
        return _end(simulate(folder, customers, months, seed).simulation)
    if (simulation.customers, simulation.months, simulation.seed) != (customers, months, seed):
        raise HomeError(
            f"--home {home.root}",
            "holds another simulated operator; remove it, or choose another home",
            f"{simulation.customers:,} customers, {simulation.months} months, seed {simulation.seed}",
        )
    return _end(simulation)


def simulated_features(
    home: Home,
    customers: int,
    months: int,
    seed: int,
    settings: FeatureSettings | None = None,
    online: OnlineSettings | None = None,
) -> tuple[FeatureBuild, datetime]:
    """Simulate an operator and compute its features, in both stores; what is there already is not
    made again.

    Parameters
    ----------
    home : Home
        Gets ``operator/`` (raw tables and truth), ``raw/`` and ``features/operator/``.
    customers, months, seed : int
        As in `simulator.engine.simulator.simulate`; from 16 months on there is enough to `holdfast
        train`.
    settings : FeatureSettings, optional
        How features are computed. Default: the defaults of `FeatureSettings`.
    online : OnlineSettings, optional
        Where the newest features go, as `features.operator.repository.OperatorRepository`.

    Returns
    -------
    features : FeatureBuild
        What was computed from the raw tables.
    end : datetime
        End of the simulated period, UTC.

    Raises
    ------
    HomeError
        The home holds raw tables of somebody else, or another simulated operator.
    """
    end = simulate_into(home, customers, months, seed)
    folder = home.root / FOLDER
    # To a simulated operator it is now when its data end, whenever it is simulated.
    features = build_features(
        home, settings or FeatureSettings(), now=end, online=online, source=str(folder / "raw")
    )
    materialize_features(home, online)
    return features, end


def _end(simulation: Simulation) -> datetime:
    return datetime.fromisoformat(simulation.end).astimezone(UTC)
