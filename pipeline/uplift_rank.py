"""Whom an action helps most: customers ranked by an uplift model, into a file that the user names.

Nobody is ranked unless the experiment shows that a ranking by the model beats a random order. The file
is a list to choose from, and no plan: contact policy, consents and the holdout are asked by campaigns.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from features.flat.new_rows import NewRows, read_new_rows
from features.operator.newest import NewestReader
from features.operator.repository import OperatorRepository
from features.settings import FeatureSettings
from features.tables.options import TableOptions
from holdfast.arrays import Floats
from holdfast.errors import InputError, ModelError
from holdfast.home import Home
from holdfast.logging import progress
from models.registry import CHALLENGER, find_version
from models.score_set import NO_BASIS, PROFILING_OBJECTION
from models.targets import TARGETS
from models.uplift import Uplift, UpliftModel, load_uplift
from pipeline.night.score import snapshot_time
from pipeline.people_file import check_place, write_people
from pipeline.uplift import RESULT
from training.labelling.history import RawHistory
from training.operator.population import Populations, traffic_consents, uses_traffic
from training.settings import LabelSettings
from training.uplift.evaluation import model_names

_INSTEAD = {
    "works": "Choose by cost, consent and value",
    "harms": "Stop it",
    "too_small_to_matter": "Stop it",
    "not_enough_data": "Treat no more customers than an experiment needs",
}
"""What to do by verdict where nobody can be ranked."""

_ROWS_AT_ONCE = 50_000


@dataclass(frozen=True, kw_only=True)
class RankConfig:
    """What a ranking of a home's lines depends on, beside snapshot and model.

    Parameters
    ----------
    labels : LabelSettings
        Who is at risk.
    traffic_consent : bool
        Whether traffic and location data may be used in marketing only with the customer's consent.
    features : FeatureSettings
        Memory and threads of reading.
    """

    labels: LabelSettings
    traffic_consent: bool
    features: FeatureSettings


@dataclass(frozen=True, kw_only=True)
class UpliftRanking:
    """A ranking that was written.

    Parameters
    ----------
    action : str
        The action.
    model : str
        Name of the model.
    version : str or None
        Its version; None for the model of a team's own table.
    at : str or None
        Time of the snapshot, as ISO 8601; None for a table.
    out : Path
        The file.
    ranked : int
        Rows in it.
    left_out : dict of str to int
        Lines left out, by reason.
    harmed : tuple of int
        Groups, from 1, whom contact is shown to harm.
    rows : NewRows or None
        How a team's own table was read.
    """

    action: str
    model: str
    version: str | None
    at: str | None
    out: Path
    ranked: int
    left_out: dict[str, int] = field(default_factory=dict)
    harmed: tuple[int, ...] = ()
    rows: NewRows | None = None

    def to_json(self) -> dict[str, Any]:
        """The result as one JSON object."""
        table = {}
        if self.rows is not None:
            table = {
                "unread": self.rows.unread,
                "unseen": self.rows.unseen,
                "absent": list(self.rows.absent),
                "ignored": list(self.rows.ignored),
                "notes": list(self.rows.notes),
            }
        return {
            "action": self.action,
            "model": self.model,
            "version": self.version,
            "at": self.at,
            "out": str(self.out),
            "ranked": self.ranked,
            "left_out": self.left_out,
            "harmed_groups": list(self.harmed),
            "label_of_predictions": Uplift.label,
            **table,
        }


def rank_home(
    home: Home, action: str, out: Path, config: RankConfig, *, version: str | None = None
) -> UpliftRanking:
    """Rank an operator's lines at the newest snapshot by what an action is estimated to do for them.

    Lines that are at risk of churn are ranked, as for scores. Customers whose profiling for marketing
    is barred are left out and counted.

    Parameters
    ----------
    home : Home
        Holds raw tables, features and the registry.
    action : str
        A care action that `evaluate_home` evaluated.
    out : Path
        File to write, ``.csv`` or ``.parquet``.
    config : RankConfig
        Whom to rank.
    version : str, optional
        Number of the model's version. Default: the newest.

    Raises
    ------
    InputError
        The file cannot be written, or no features were built.
    ModelError
        There is no such version, it is damaged or does not fit the features, or its experiment does not
        show that a ranking beats a random order.
    """
    check_place(out)
    repository = OperatorRepository(home)
    repository.require_tables()
    (name,) = model_names([action])
    entry = find_version(home, name, version or CHALLENGER)
    address = entry.address(home)
    model = load_uplift(address.directory, address.sha256)
    named = f"model {name} version {entry.number}"
    if model.action != action or model.service is None:
        raise ModelError(named, f"must be of the action {action!r}", model.action)
    _require_targetable(model, named)
    at = snapshot_time(repository)
    history = RawHistory(home.raw, at)
    features = config.features
    with NewestReader(
        repository,
        model.service,
        memory_gb=features.memory_gb,
        threads=features.threads_to_use,
    ) as reader:
        if not set(model.features) <= set(reader.features):
            raise ModelError(
                named, f"must be of the features of {model.service} as they are now; evaluate again"
            )
        population = Populations(history, at, repository.zone).of(
            TARGETS["churn"], reader.main.ids(), config.labels
        )
        rows, left_out = population.rows, dict(population.excluded)
        barred = {PROFILING_OBJECTION: _objecting(repository, features)}
        if config.traffic_consent and uses_traffic(model.features, repository.catalogue):
            consenting = traffic_consents(history, at)
            barred[NO_BASIS] = frozenset(rows["customer_id"].to_list()) - consenting
        for reason, customers in barred.items():
            kept = rows.filter(~pl.col("customer_id").is_in(list(customers)))
            if len(kept) < len(rows):
                left_out[reason] = len(rows) - len(kept)
            rows = kept
        lines: list[str] = rows["subscription_id"].to_list()
        uplift = _predict(model, reader, lines)
    table = _ranking({"subscription_id": lines, "customer_id": rows["customer_id"]}, uplift)
    write_people(table, out, ("subscription_id", "customer_id"))
    return UpliftRanking(
        action=action,
        model=name,
        version=entry.number,
        at=at.isoformat(),
        out=out,
        ranked=len(lines),
        left_out=left_out,
        harmed=_harmed(model),
    )


def rank_table(
    where: str | Path,
    action: str,
    directory: Path,
    out: Path,
    options: TableOptions | None = None,
) -> UpliftRanking:
    """Rank the rows of a file by the model of a team's own experiment.

    Parameters
    ----------
    where : str or Path
        A file, folder, pattern or database, with columns as the experiment's table had them.
    action : str
        An arm of the experiment.
    directory : Path
        Where `evaluate_table` wrote its result.
    out : Path
        File to write, ``.csv`` or ``.parquet``.
    options : TableOptions, optional
        Encoding and query of the file.

    Raises
    ------
    InputError
        A file cannot be read or written, there is no result, or it has no model of such an action.
    ModelError
        The model is damaged, or the experiment does not show that a ranking beats a random order.
    """
    check_place(out)
    name, sha256 = _model_of(directory, action)
    model = load_uplift(directory / name, sha256)
    _require_targetable(model, f"{name} in {directory}")
    with progress("Reading the table"):
        rows = read_new_rows(where, model.documents, f"{name} in {directory}", options)
    if rows.encoding.features != model.features:
        raise ModelError(f"{name} in {directory}", "must say how each of its features is read")
    table = _ranking({"id": rows.ids}, model.predict(rows.matrix, threads=0))
    write_people(table, out, ("id",))
    return UpliftRanking(
        action=action,
        model=name,
        version=None,
        at=None,
        out=out,
        ranked=len(rows.ids),
        harmed=_harmed(model),
        rows=rows,
    )


def _require_targetable(model: UpliftModel, named: str) -> None:
    if model.targetable:
        return
    found = model.documents.get("uplift.json")
    result = found if isinstance(found, Mapping) else {}
    why = f", because of {result['why_not']}" if result.get("why_not") else ""
    raise ModelError(
        named,
        "ranks nobody: its experiment does not show that treating from the top of a ranking is better than "
        f"at random (verdict {result.get('verdict')}, targetable: not shown{why}). "
        + _INSTEAD.get(str(result.get("verdict")), _INSTEAD["not_enough_data"]),
    )


def _model_of(directory: Path, action: str) -> tuple[str, str]:
    """Name and digest of the model of an action, from the result that lies beside it."""
    path = directory / RESULT
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
        found = {one["action"]: one for one in result["actions"]}
        models = {one["action"]: (one["model"], one["sha256"]) for one in result["models"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            "--experiment",
            "must be the directory of a result that `holdfast uplift TABLE` wrote"
            f" ({type(error).__name__})",
            str(directory),
        ) from None
    if action not in found:
        raise InputError("ACTION", f"must be one of {', '.join(found)}", action)
    if action not in models:
        why = (
            "its evidence is observational"
            if found[action]["evidence"] == "observational"
            else "no feature ranks customers"
        )
        raise InputError("ACTION", f"has no model: {why}", action)
    return models[action]


def _objecting(repository: OperatorRepository, features: FeatureSettings) -> frozenset[str]:
    """Customers who object to profiling."""
    with NewestReader(
        repository, "consent_v1", memory_gb=features.memory_gb, threads=features.threads_to_use
    ) as reader:
        customers = reader.main.ids()
        matrix, _ = reader.read(customers)
        objects = matrix[:, reader.features.index("profiling_objection")] == 1
    return frozenset(np.array(customers, dtype=object)[objects].tolist())


def _predict(model: UpliftModel, reader: NewestReader, lines: list[str]) -> Uplift:
    """Predict the uplift of lines, which ascend, some at a time."""
    columns = [reader.features.index(name) for name in model.features]
    parts = []
    with progress("Ranking", len(lines)) as advance:
        for start in range(0, max(len(lines), 1), _ROWS_AT_ONCE):
            some = lines[start : start + _ROWS_AT_ONCE]
            matrix: Floats = reader.read(some)[0][:, columns]
            parts.append(model.predict(np.ascontiguousarray(matrix), threads=0))
            advance(len(some))
    names = ("effect", "ranking", "group", "low", "high")
    return Uplift(**{name: np.concatenate([getattr(one, name) for one in parts]) for name in names})


def _ranking(ids: dict[str, Any], uplift: Uplift) -> pa.Table:
    """One row per person, those with the highest predicted uplift first."""
    order = np.argsort(-uplift.ranking, kind="stable")
    columns = {
        **{name: pa.array(values, pa.string()) for name, values in ids.items()},
        "predicted_effect": uplift.effect,
        "group": uplift.group + 1,
        "group_effect_low": uplift.low,
        "group_effect_high": uplift.high,
    }
    table = pa.table(columns).take(order)
    return table.add_column(0, "rank", pa.array(np.arange(1, len(order) + 1)))


def _harmed(model: UpliftModel) -> tuple[int, ...]:
    return tuple(place for place, group in enumerate(model.groups, 1) if group.high < 0)
