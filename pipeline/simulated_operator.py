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
from simulator.engine.simulator import simulate
from training.flat.table import ID, LABEL, flat_table, newest_cutoff
from training.labelling.history import RawHistory
from training.settings import LabelSettings

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
    features, end = simulated_features(home, customers, months, seed, settings, online)
    repository, history = OperatorRepository(home), RawHistory(home.raw, end)
    cutoff = newest_cutoff(repository, history, labels)
    if cutoff is None:
        raise InputError(
            "months",
            "must be at least 11: half a year before a Monday, and complete labels after it",
            months,
        )
    table_of_lines = flat_table(repository, history, cutoff, labels)
    path = home.root / "subscriptions.csv"
    with tempfile.TemporaryDirectory() as directory:
        written = Path(directory) / path.name
        pa_csv.write_csv(table_of_lines, written)
        write_beside(path, written.read_text(encoding="utf-8"))
    return SimulatedOperator(features, cutoff, path)


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
        The home holds raw tables of somebody else.
    """
    folder = home.root / "operator"
    if home.raw.exists() and not (folder / "simulation.json").exists():
        raise HomeError(
            f"--home {home.root}",
            "has raw tables of an operator that is not simulated",
            home.raw.name,
        )
    simulation = simulate(folder, customers, months, seed).simulation
    end = datetime.fromisoformat(simulation.end).astimezone(UTC)
    # To a simulated operator it is now when its data end, whenever it is simulated.
    features = build_features(
        home, settings or FeatureSettings(), now=end, online=online, source=str(folder / "raw")
    )
    materialize_features(home, online)
    return features, end
