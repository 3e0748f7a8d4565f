"""The model of a table: trained, evaluated, explained, registered and published under a home's
lock.

The order of the last steps keeps a killed run harmless: the version is registered, then the
features are published, then the champion moves, then the files. Encodings only grow once something
is published, so the old champion reads the new features too. Where the table does not predict its
target, there is its run and a report, and nothing else: an earlier champion stays, with its scores.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from features.encoding.encoding import Encoding
from features.flat.customers import CustomerTable
from features.flat.identity import (
    TableIdentity,
    claimed,
    home_encoding,
    record_identity,
    was_published,
)
from features.flat.repository import SERVICE, TableRepository
from features.online.settings import OnlineSettings
from holdfast.arrays import Floats
from holdfast.clock import Clock
from holdfast.files import outputs
from holdfast.home import Home
from holdfast.logging import progress
from models.registry import CHAMPION, list_versions
from models.scorer import Scorer
from reports.quickstart.care_list import care_entries, care_list_csv
from reports.quickstart.content import (
    Source,
    drawn_pictures,
    explained_sample,
    report_content,
)
from reports.quickstart.nothing import nothing_content, render_nothing
from reports.quickstart.report import render_report
from reports.words.texts import texts
from training.evaluation.folds import Split, cross_validation, time_windows
from training.fitting.fit import TrainingTable
from training.fitting.parameters import DEFAULT_SETS
from training.flat.model import FlatModel, train
from training.flat.scores import CustomerScores
from training.release.tracking import VERDICT, RunRecord, Tracking
from training.settings import TrainingConfig, TrainingSettings


@dataclass(frozen=True, kw_only=True)
class Published:
    """What a table's model came to.

    Parameters
    ----------
    training : FlatModel
        The model and what is known about it.
    encoding : Encoding
        What the feature columns are.
    version : str or None
        Number of the registered version, now the champion; None where nothing was found.
    champion : str or None
        Number of the version that is champion now: this one, or one of an earlier run that stays
        where nothing was found; None where there is none.
    """

    training: FlatModel
    encoding: Encoding
    version: str | None
    champion: str | None


def publish_model(
    customers: CustomerTable,
    home: Home,
    name: str,
    config: TrainingConfig,
    *,
    clock: Clock,
    online: OnlineSettings | None = None,
    language: str = "en",
) -> Published:
    """Train a model on a table, and publish it with its features, scores, care list and report; or,
    where nothing is found, record the run and write the report that says so.

    Parameters
    ----------
    customers : CustomerTable
        Its n customers.
    home : Home
        Where everything goes.
    name : str
        Name to register the model under.
    config, clock, online, language
        As in `pipeline.quickstart.quickstart`.

    Raises
    ------
    InputError
        The rows cannot be split, or the home cannot be used; nothing was changed.
    """
    in_language = texts(language)
    splits = _splits(customers, config.fitting)
    identity = TableIdentity.of(customers)
    repository = TableRepository(home, online)
    with claimed(home, identity), outputs() as files:
        # Under the lock, so that no two runs give one code to two categories.
        encoding = home_encoding(home, customers)
        encoded = encoding.encode(customers.table)
        if not was_published(home):
            record_identity(home, identity)
        tracking = Tracking(home, clock)
        with progress("Filling the feature store (Feast)"):
            repository.write(encoding, customers.ids, customers.times, encoded)
            matrix = repository.historical(customers.ids, customers.times)
        training = _train(name, customers, encoding, matrix, splits, config)
        source = Source(
            customers=customers,
            encoding=encoding,
            matrix=matrix,
            settings=config.fitting,
        )
        if not training.evaluation.signal.found:
            champion = _champion_number(home, name)
            content = nothing_content(source, training, champion, clock(), in_language)
            pictures = drawn_pictures(training.evaluation, in_language)
            record = _record(source, training, pictures, config)
            tracking.record(name, record, {VERDICT: training.evaluation.signal.verdict})
            files.text(home.report, render_nothing(content, in_language))
            files.publish()
            return Published(training=training, encoding=encoding, version=None, champion=champion)
        scorer = Scorer(training.model, threads=0)
        scores = CustomerScores.of(customers, matrix, training)
        entries = care_entries(customers, encoding, matrix, scorer, scores, in_language)
        sample = explained_sample(source, scorer)
        # Drawn once: the run keeps them, and the report shows them.
        pictures = drawn_pictures(training.evaluation, in_language)
        version = tracking.register(training.model, _record(source, training, pictures, config))
        files.table(home.scores, scores.to_table(customers, training.model.name, version))
        files.text(home.care_list, care_list_csv(entries, in_language), encoding="utf-8-sig")
        with progress("Drawing the report"):
            files.text(
                home.report,
                render_report(
                    report_content(
                        source,
                        training,
                        sample,
                        scores,
                        entries,
                        pictures,
                        version,
                        clock(),
                        in_language,
                    ),
                    in_language,
                ),
            )
        record_identity(home, replace(identity, published=True))
        repository.materialize()
        tracking.set_champion_ungated(name, version)
        files.publish()
    return Published(training=training, encoding=encoding, version=version, champion=version)


def _champion_number(home: Home, name: str) -> str | None:
    if not home.tracking.is_file():
        return None
    champions = (entry for entry in list_versions(home, name) if CHAMPION in entry.aliases)
    return next((entry.number for entry in champions), None)


def _splits(customers: CustomerTable, settings: TrainingSettings) -> list[Split]:
    known = customers.known
    label = customers.label[known]
    group = None if customers.group is None else customers.group[known]
    if customers.order is None:
        return cross_validation(label, group, settings)
    return time_windows(label, customers.order[known], group, settings)


def _train(
    name: str,
    customers: CustomerTable,
    encoding: Encoding,
    matrix: Floats,
    splits: list[Split],
    config: TrainingConfig,
) -> FlatModel:
    known = customers.known
    table = TrainingTable(
        matrix=matrix[known],
        label=customers.label[known],
        group=None if customers.group is None else customers.group[known],
        features=encoding.features,
        categorical=tuple(
            position
            for position, column in enumerate(encoding.columns)
            if column.kind == "category"
        ),
    )
    return train(
        table,
        splits,
        config,
        name=name,
        service=SERVICE,
        columns=[column.name for column in encoding.columns],
        documents={
            "encoding.json": encoding.to_json(),
            "columns.json": {
                "id": customers.roles.id,
                "columns": customers.table.column_names,
                "readings": [
                    customers.plan.column(column.name).stored() for column in encoding.columns
                ],
            },
        },
    )


def _record(
    source: Source, training: FlatModel, pictures: Mapping[str, str], config: TrainingConfig
) -> RunRecord:
    roles = source.customers.roles
    return RunRecord(
        parameters={
            "table": source.customers.name,
            "table_sha256": source.customers.sha256,
            "rows": len(source.customers.ids),
            "target": roles.target,
            "positive": list(roles.positive),
            "feature_service": SERVICE,
            "features": len(source.encoding.columns),
            "rounds": training.model.main.everyone.trees,
            "parameter_sets": [dict(one) for one in DEFAULT_SETS],
            "calibration": training.calibration.kind,
            **config.fitting.model_dump(),
            **{
                name: value
                for name, value in config.parameters().items()
                if name.startswith(("leak_watch_", "band_"))
            },
        },
        metrics=training.evaluation.figures(),
        texts={f"{name}.svg": svg for name, svg in pictures.items()},
        documents={
            "flags.json": [vars(flag) for flag in training.flags],
            "left_out.json": list(source.customers.left_out),
        },
    )
