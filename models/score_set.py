"""Score sets: stored scores of everybody from one model version at one snapshot, one Parquet file
each. Their columns are declared here alone.

A file has one row for each entity and horizon, in order of the entity, then the horizon. Reasons
are stored as codes with the values that words need; `reasons_in_words` makes words on reading. What
the file as a whole is about (`ScoreFacts`) stands in its metadata, so that the two cannot part.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from holdfast.arrays import Floats
from holdfast.documents import read_document, to_document
from holdfast.errors import InputError, ModelError
from models.reasons.coded import StrongestReasons
from models.reasons.explain import Decode
from models.reasons.meaning import FeatureMeaning
from models.reasons.worded import WordedReason, word
from models.words.catalogue import words
from models.words.forms import context_of

IDS = ("subscription_id", "customer_id", "interaction_id")
"""Columns that say whom a row is about; null where they do not apply."""

SHADOW, PROFILING_OBJECTION, NO_BASIS = "shadow", "profiling_objection", "no_basis"

MARKS = (SHADOW, PROFILING_OBJECTION, NO_BASIS)
"""Marks of a row; `models.words` says what they mean."""

BARS_MARKETING = (PROFILING_OBJECTION, NO_BASIS)
"""Marks with which a score is not for marketing."""


def records_view(model: str) -> str:
    """View of the packed store with the numbers of a model's stored scores."""
    return f"scores_{model}"


def reasons_view(model: str) -> str:
    """View of the packed store with the reasons of a model's stored scores."""
    return f"reasons_{model}"


def facts_document(model: str) -> str:
    """Document of the packed store with the facts of a model's stored scores."""
    return f"scores/{model}"


def mark_bits(marks: Sequence[str]) -> int:
    """Marks as one number, as records hold them.

    >>> mark_bits(["shadow", "no_basis"])
    5
    """
    return sum(1 << place for place, mark in enumerate(MARKS) if mark in marks)


def marks_of(bits: int) -> tuple[str, ...]:
    """The marks of a record.

    >>> marks_of(5)
    ('shadow', 'no_basis')
    """
    return tuple(mark for place, mark in enumerate(MARKS) if bits >> place & 1)


Purpose = Literal["service", "marketing"]
"""What a score is read for. Service care keeps a promise or repairs something; marketing offers."""

_FACTS = b"holdfast.score_set"
_REASON = pa.struct(
    [
        ("reason", pa.string()),
        ("feature", pa.string()),
        ("value", pa.float64()),
        ("contribution", pa.float64()),
        (
            "context",
            pa.list_(pa.struct([("feature", pa.string()), ("value", pa.float64())])),
        ),
    ]
)
_TIME = pa.timestamp("us", "UTC")

SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in IDS),
        ("model", pa.string()),
        ("version", pa.string()),
        ("horizon_days", pa.int32()),
        ("probability", pa.float64()),
        ("band", pa.string()),
        ("reasons", pa.list_(_REASON)),
        ("actionable_share", pa.float64()),
        ("value", pa.float64()),
        ("marks", pa.list_(pa.string())),
        ("feature_time", _TIME),
        ("scored_at", _TIME),
    ]
)
"""Columns of a score set.

- ``horizon_days``: null where the target names no horizon.
- ``reasons``: strongest first; null where the row was not explained, because it is not among the
  riskiest. ``reason`` and ``feature`` are codes, ``value`` is the feature's (null for missing),
  ``contribution`` is of all features that share the reason, in log-odds beyond what is typical of
  the same kind of line (`models.reasons.told`); ``context`` holds the
  values of other features that the words about it need.
- ``actionable_share``: share of the absolute contributions told that comes from features that care can
  change, 0 to 1; null where the row was not explained.
- ``value``: expected margin over the horizon if the subscription stays, in the operator's currency;
  null where it is unknown, and for customers and contacts: their targets have no horizon.
- ``marks``: of `MARKS`.
- ``feature_time``: when the features were true; of several views, the oldest.
- ``scored_at``: when the score was made.
"""


@dataclass(frozen=True, kw_only=True)
class ExpectedCount:
    """How many of those who were scored are expected to have the outcome.

    Parameters
    ----------
    value : float
        The sum of their probabilities.
    low, high : float
        Its band, for the uncertainty of the level of risk.
    level : {"judged", "assumed"}
        Whether bands like this one were seen to cover (`models.level.revision`).
    """

    value: float
    low: float
    high: float
    level: Literal["judged", "assumed"]


@dataclass(frozen=True, kw_only=True)
class ScoreFacts:
    """What a score set as a whole is about.

    Parameters
    ----------
    model, version : str
        The model version.
    alias : str
        ``champion``, or ``shadow`` where the model has no champion.
    inputs : str
        Digest of all that the scores were made from.
    at : str
        Time of the snapshot (ISO 8601, UTC).
    scored_at : str
        When the scores were made (ISO 8601, UTC).
    entities : int
        How many were scored.
    explained : dict of str to int
        How many of them have reasons, by horizon.
    excluded : dict of str to int
        How many were not scored, by reason.
    marks : dict of str to int
        How many were marked, by mark.
    bands : dict of str to dict
        How many are in each band, by horizon.
    expected : dict of str to ExpectedCount
        How many are expected to have the outcome, by horizon; empty of what is not predicted of lines,
        and of scores from before it was counted.
    """

    model: str
    version: str
    alias: str
    inputs: str
    at: str
    scored_at: str
    entities: int
    explained: dict[str, int]
    excluded: dict[str, int]
    marks: dict[str, int]
    bands: dict[str, dict[str, int]]
    expected: dict[str, ExpectedCount] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The facts as JSON."""
        return to_document(self)


@dataclass(frozen=True, kw_only=True)
class HorizonScores:
    """Scores of n entities within one horizon.

    Parameters
    ----------
    horizon_days : int or None
        The horizon.
    probability : (n,) float64
        Calibrated.
    band : (n,) str
        Risk band.
    value : (n,) float64
        NaN where unknown.
    explained : (m,) intp
        Positions of the entities that have reasons, ascending.
    reasons : StrongestReasons
        Of these m.
    actionable_share : (m,) float64
        Of these m.
    """

    horizon_days: int | None
    probability: Floats
    band: np.ndarray[Any, np.dtype[np.str_]]
    value: Floats
    explained: np.ndarray[Any, np.dtype[np.intp]]
    reasons: StrongestReasons
    actionable_share: Floats


def score_rows(
    ids: pa.Table,
    horizons: Sequence[HorizonScores],
    matrix: Floats,
    meanings: Sequence[FeatureMeaning],
    *,
    model: str,
    version: str,
    marks: Sequence[Sequence[str]],
    feature_times: pa.Array,
    scored_at: pa.Scalar,
) -> pa.Table:
    """Rows of a score set.

    Parameters
    ----------
    ids : Table of n rows
        `IDS`.
    horizons : sequence of HorizonScores
        Shortest first, each of the n entities.
    matrix : (n, k) float64
        Their features, for the values of reasons.
    meanings : sequence of FeatureMeaning
        What the k features mean.
    model, version : str
        The model version.
    marks : sequence of n sequences of str
        Marks of each entity.
    feature_times : Array of n timestamps
        When the features were true, UTC.
    scored_at : Scalar
        A timestamp, UTC.
    """
    count = len(ids)
    tables = []
    for scores in horizons:
        share = np.full(count, np.nan)
        share[scores.explained] = scores.actionable_share
        columns = {
            **{name: ids[name] for name in IDS},
            "model": pa.repeat(model, count),
            "version": pa.repeat(version, count),
            "horizon_days": pa.array([scores.horizon_days] * count, pa.int32()),
            "probability": _nullable(scores.probability),
            "band": pa.array(scores.band.tolist(), pa.string()),
            "reasons": _reason_codes(scores, matrix, meanings),
            "actionable_share": _nullable(share),
            "value": _nullable(scores.value),
            "marks": pa.array(marks, pa.list_(pa.string())),
            "feature_time": feature_times,
            "scored_at": pa.repeat(scored_at, count),
        }
        tables.append(pa.table(columns, schema=SCHEMA))
    # Entity by entity: the horizons of each stand together.
    order = np.arange(count * len(tables)).reshape(len(tables), count).T.ravel()
    return pa.concat_tables(tables).take(order)


class ScoreSetWriter:
    """Writes a score set beside its place; `publish` moves it there.

    Parameters
    ----------
    path : Path
        Its place; the folder exists.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._beside = path.with_name(f".{path.name}.part")
        self._writer = pq.ParquetWriter(self._beside, SCHEMA, compression="zstd")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._writer.close()
        self._beside.unlink(missing_ok=True)

    def write(self, rows: pa.Table) -> None:
        """Append rows."""
        self._writer.write_table(rows)

    def publish(self, facts: ScoreFacts) -> None:
        """Finish the file and move it to its place."""
        self._writer.add_key_value_metadata({_FACTS.decode(): json.dumps(facts.to_json())})
        self._writer.close()
        self._beside.replace(self.path)


def read_facts(path: Path) -> ScoreFacts:
    """What a score set is about.

    Raises
    ------
    ModelError
        The file is no score set, or one of another release.
    """
    try:
        stored = json.loads((pq.read_metadata(path).metadata or {})[_FACTS])
        return read_document(ScoreFacts, stored, str(path))
    except (OSError, pa.ArrowException, KeyError, ValueError, InputError) as error:
        raise ModelError(str(path), f"must be a score set: {error}") from None


def read_scores(path: Path, purpose: Purpose) -> pa.Table:
    """Read the rows of a score set for a purpose.

    Parameters
    ----------
    path : Path
        The file.
    purpose : {"service", "marketing"}
        For marketing, rows with the mark ``profiling_objection`` or ``no_basis`` have no
        probability, band, reasons, share or value; the mark says why.

    Raises
    ------
    ModelError
        The file is no score set.
    """
    read_facts(path)
    rows = pq.read_table(path, schema=SCHEMA)
    if purpose == "service":
        return rows
    marks = rows["marks"].combine_chunks()
    barred = pc.is_in(marks.flatten(), pa.array(BARS_MARKETING))
    withheld = np.zeros(len(rows), dtype=np.bool_)
    withheld[marks.value_parent_indices().to_numpy()[barred.to_numpy(zero_copy_only=False)]] = True
    for name in ("probability", "band", "reasons", "actionable_share", "value"):
        position = SCHEMA.get_field_index(name)
        null = pa.scalar(None, SCHEMA.field(name).type)
        shown = pc.if_else(pa.array(~withheld), rows[name], null)
        rows = rows.set_column(position, SCHEMA.field(name), shown)
    return rows


def reasons_in_words(
    codes: Sequence[Mapping[str, Any]] | None,
    meanings: Mapping[str, FeatureMeaning],
    language: str,
    count: int,
    *,
    decode: Decode | None = None,
) -> tuple[WordedReason, ...]:
    """Reasons of one row in words.

    Parameters
    ----------
    codes : sequence of mapping, or None
        The row's ``reasons``.
    meanings : mapping of str to FeatureMeaning
        What the model's features mean, as stored with its version, by feature.
    language : str
        A BCP 47 tag.
    count : int
        Most reasons.
    decode : Decode, optional
        How to write values of features without words.

    Raises
    ------
    InputError
        There are no words in that language.
    """
    if not codes:
        return ()
    catalogue = words(language)
    by_text: dict[str, WordedReason] = {}
    for code in codes:
        if len(by_text) == count:
            break
        values = {pair["feature"]: pair["value"] for pair in code["context"]}
        values[code["feature"]] = np.nan if code["value"] is None else code["value"]
        largest = meanings[code["feature"]]
        reason = word(largest, code["contribution"], values, meanings, catalogue, decode=decode)
        by_text.setdefault(reason.text, reason)
    return tuple(by_text.values())


def _nullable(values: Floats) -> pa.Array:
    return pa.array(values, pa.float64(), mask=np.isnan(values))


def _reason_codes(
    scores: HorizonScores, matrix: Floats, meanings: Sequence[FeatureMeaning]
) -> pa.Array:
    """The reasons of all n entities as a list array, null for those that were not explained."""
    rows, places = np.nonzero(scores.reasons.features >= 0)
    features = scores.reasons.features[rows, places]
    entities = scores.explained[rows]
    flat = pa.StructArray.from_arrays(
        [
            _names([meaning.reason for meaning in meanings], features),
            _names([meaning.name for meaning in meanings], features),
            _nullable(matrix[entities, features]),
            pa.array(scores.reasons.contributions[rows, places]),
            _context(entities, features, matrix, meanings),
        ],
        fields=list(_REASON),
    )
    lengths = np.zeros(len(matrix), dtype=np.int64)
    np.add.at(lengths, entities, 1)
    is_null = np.ones(len(matrix), dtype=np.bool_)
    is_null[scores.explained] = False
    return _lists(lengths, flat, is_null)


def _context(
    entities: np.ndarray[Any, np.dtype[np.intp]],
    features: np.ndarray[Any, np.dtype[np.intp]],
    matrix: Floats,
    meanings: Sequence[FeatureMeaning],
) -> pa.Array:
    """Known values of the other features that the words about each reason need."""
    names = [meaning.name for meaning in meanings]
    needed = [[names.index(name) for name in context_of(of) if name in names] for of in names]
    table = np.full((len(names), max(map(len, needed), default=0)), -1)
    for feature, others in enumerate(needed):
        table[feature, : len(others)] = others
    asked = table[features]
    values = matrix[entities[:, None], np.maximum(asked, 0)]
    known = (asked >= 0) & np.isfinite(values)
    flat = pa.StructArray.from_arrays(
        [_names(names, asked[known]), pa.array(values[known])],
        fields=list(_REASON.field("context").type.value_type),
    )
    return _lists(known.sum(axis=1), flat, None)


def _names(names: Sequence[str], positions: np.ndarray[Any, np.dtype[np.intp]]) -> pa.Array:
    return pa.array(names, pa.string()).take(pa.array(positions))


def _lists(
    lengths: np.ndarray[Any, np.dtype[np.int64]],
    flat: pa.Array,
    is_null: np.ndarray[Any, np.dtype[np.bool_]] | None,
) -> pa.Array:
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    mask = None if is_null is None else pa.array(is_null)
    return pa.ListArray.from_arrays(pa.array(offsets), flat, mask=mask)
