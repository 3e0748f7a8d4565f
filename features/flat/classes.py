"""The classes of a column that says what came of a customer: one spelling each, and nothing that
is no class.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.encoding.reading import number_text
from features.tables.missing_words import usual_words

YES_WORDS = frozenset(
    [
        "1",
        "yes",
        "y",
        "true",
        "t",
        "on",
        "是",
        "有",
        "sí",
        "si",
        "да",
        "ja",
        "j",
        "oui",
        "o",
        "sim",
        "s",
        "tak",
        "evet",
        "ano",
        "igen",
        "ναι",
        "はい",
        "예",
        "ya",
    ]
)
NO_WORDS = frozenset(
    [
        "0",
        "no",
        "n",
        "false",
        "f",
        "off",
        "否",
        "没有",
        "нет",
        "nein",
        "non",
        "não",
        "nao",
        "nie",
        "hayır",
        "ne",
        "nem",
        "όχι",
        "いいえ",
        "아니오",
        "아니요",
        "tidak",
        "nej",
        "nei",
    ]
)


@dataclass(frozen=True)
class Classes:
    """A column's classes.

    Parameters
    ----------
    text : (n,) pyarrow string array
        Each row's class in its most frequent spelling; null where blank or a word for missing.
    names : tuple of str
        The classes, sorted.
    counts : dict of str to int
        How many rows each has.
    notes : tuple of str
        Spellings that were taken as one, and words that mean missing, for a person.
    missing : dict of str to int
        How often each word for missing occurs.
    folded : dict of str to str
        Spellings that differ from a class in case only, and that class.
    """

    text: pa.ChunkedArray
    names: tuple[str, ...]
    counts: dict[str, int]
    notes: tuple[str, ...]
    missing: dict[str, int]
    folded: dict[str, str]

    def matching(self, value: str) -> str | None:
        """The class that a person means, whatever its case; None where there is none."""
        plain = canonical_value(value)
        if plain in self.names:
            return plain
        return next((name for name in self.names if folded(name) == folded(plain)), None)


def find_classes(text: pa.ChunkedArray, name: str, kept: Collection[str] = frozenset()) -> Classes:
    """Find the classes of a column of text.

    Parameters
    ----------
    text : (n,) pyarrow string array
        As `features.encoding.reading.as_text` gives it.
    name : str
        The column's name, for the notes.
    kept : collection of str
        Words that are classes in this column, though elsewhere they mean missing.
    """
    counted = pc.value_counts(text.drop_null())
    spellings: list[str] = counted.field("values").to_pylist()
    counts: list[int] = counted.field("counts").to_pylist()
    total: dict[str, int] = {}
    for spelling, count in zip(spellings, counts, strict=True):
        plain = canonical_value(spelling)
        total[plain] = total.get(plain, 0) + count
    missing = _missing_words(tuple(total), kept)
    groups: dict[str, list[str]] = {}
    for plain in total:
        if plain not in missing:
            groups.setdefault(folded(plain), []).append(plain)
    chosen: dict[str, str] = {}
    notes: list[str] = []
    for variants in groups.values():
        variants.sort(key=lambda variant: (-total[variant], variant))
        chosen |= dict.fromkeys(variants, variants[0])
        if len(variants) > 1:
            others = ", ".join(f"{variant!r} ({total[variant]})" for variant in variants[1:])
            notes.append(f"{name}: {others} read as {variants[0]!r}")
    notes += [f"{name}: {word!r} ({total[word]} rows) means missing" for word in missing]
    classes = pa.array([chosen.get(canonical_value(s)) for s in spellings], pa.string())
    places = pc.index_in(text, value_set=pa.array(spellings, pa.string()))
    sizes: dict[str, int] = {}
    for variant, one in chosen.items():
        sizes[one] = sizes.get(one, 0) + total[variant]
    return Classes(
        text=pa.chunked_array([classes.take(_one_array(places))]),
        names=tuple(sorted(sizes)),
        counts=sizes,
        notes=tuple(notes),
        missing={word: total[word] for word in missing},
        folded={variant: one for variant, one in chosen.items() if variant != one},
    )


def blank_notes(values: pa.ChunkedArray, name: str) -> tuple[str, ...]:
    """A note where cells have blanks around a class, which do not count."""
    if not pa.types.is_string(values.type):
        return ()
    padded = pc.sum(pc.not_equal(values, pc.utf8_trim_whitespace(values))).as_py() or 0
    return (f"{name}: blanks around {padded:,} values do not count",) if padded else ()


def without_stray(classes: Classes, kept: Sequence[str], name: str) -> Classes:
    """The same with rows of other classes than those kept as missing, and a note that counts
    them.
    """
    stray = [one for one in classes.names if one not in kept]
    if not stray:
        return classes
    inside = pc.is_in(classes.text, value_set=pa.array(list(kept), pa.string()))
    rows = sum(classes.counts[one] for one in stray)
    shown = ", ".join(map(repr, stray[:5]))
    return Classes(
        text=pc.if_else(inside, classes.text, pa.scalar(None, pa.string())),
        names=tuple(sorted(kept)),
        counts={one: classes.counts[one] for one in kept},
        notes=(
            *classes.notes,
            f"{name}: {rows} rows are neither class ({shown}) and are not labelled",
        ),
        missing=classes.missing,
        folded=classes.folded,
    )


def canonical_value(value: str) -> str:
    """One spelling of a class: ``1``, ``1.0`` and `` 1 `` are the same, and so are ``True`` and
    ``true``.
    """
    stripped = " ".join(value.split())
    try:
        return number_text(float(stripped))
    except (ValueError, OverflowError):
        plain = stripped.lower().rstrip(".")
        return plain if plain in ("true", "false") else stripped


def folded(value: str) -> str:
    """A class without what spellings of one class differ in: case and a full stop at the end."""
    return value.casefold().rstrip(".") or value


def _missing_words(plain: Sequence[str], kept: Collection[str]) -> tuple[str, ...]:
    classes = YES_WORDS | NO_WORDS | frozenset(kept)
    words = tuple(word for word in usual_words(plain) if folded(word) not in classes)
    # Where nothing else tells people apart, a word such as "none" is a class.
    return words if len({folded(one) for one in plain} - {folded(w) for w in words}) >= 2 else ()


def _one_array(places: pa.Array | pa.ChunkedArray) -> pa.Array:
    return places.combine_chunks() if isinstance(places, pa.ChunkedArray) else places


def is_class(
    text: pa.ChunkedArray, chosen: Sequence[str]
) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """1 where a row's class is one of some, 0 where another, NaN where it has none."""
    label = np.array(
        pc.is_in(text, value_set=pa.array(list(chosen), pa.string())).to_numpy(), dtype=np.float64
    )
    label[np.array(pc.is_null(text).to_numpy())] = np.nan
    return label
