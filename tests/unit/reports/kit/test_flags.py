from typing import get_args

import pytest

from reports.kit.flags import flag_words
from training.evaluation.leaks import Flag, Kind


@pytest.mark.parametrize("kind", get_args(Kind))
def test_every_kind_of_flag_has_words_with_its_figure(kind: Kind) -> None:
    column = None if kind in ("duplicate_rows", "too_good") else "{odd} <name>"
    text = flag_words(Flag(column, kind, 0.98765), "which customers left")
    assert (column is None) or (column in text.title)
    assert "0.988" in text.meaning or "98.8\N{NO-BREAK SPACE}%" in text.meaning
    assert text.flag.kind == kind


def test_a_long_name_is_shortened() -> None:
    title = flag_words(Flag("x" * 500, "id_like", 1.0), "which customers left").title
    assert title == "x" * 119 + "… looks like an id"
