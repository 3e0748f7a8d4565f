"""The report of a quickstart that found nothing: its headline, what it withholds and advises."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from reports.quickstart.nothing import NothingContent, render_nothing
from reports.words.texts import texts
from tests.builders.html_page import Page, check_page
from training.evaluation.folds import Split
from training.evaluation.leaks import Flag
from training.flat.crossval import OutOfFold
from training.flat.evaluation import evaluate

HOSTILE = "<script>alert(1)</script>"


def content(rows: int = 20_000, table: str = "客户.csv") -> NothingContent:
    random = np.random.default_rng(1)
    halves = np.array_split(np.arange(rows), 2)
    splits = tuple(
        Split(0, other, half) for half, other in zip(halves, reversed(halves), strict=True)
    )
    probability = random.beta(2, 8, rows)
    label = (random.random(rows) < 0.2).astype(float)
    out_of_fold = OutOfFold(splits, margin=probability[None], calibrated=probability[None])
    return NothingContent(
        table=table,
        target="离网",
        positive=("是",),
        created=datetime(2026, 2, 3, tzinfo=UTC),
        rows=rows,
        labelled_rows=rows,
        features=3,
        left=int(label.sum()),
        evaluated="五折",
        evaluation=evaluate(label, out_of_fold),
        flags=(Flag("编号", "id_like", 0.99),),
        left_out=("备注",),
        readings=(),
        notes=(),
        champion=None,
        versions={},
    )


def test_a_table_that_predicts_nothing_says_so_in_its_headline() -> None:
    html = render_nothing(content(table=HOSTILE))
    check_page(html)
    page = Page(html)
    assert HOSTILE in page.text
    assert "This table does not predict who leaves" in page.text
    assert "What to try" in page.text
    assert "stays champion" not in page.text
    for withheld in ("band high", "Rank", "expected to leave"):
        assert withheld not in page.text


def test_few_customers_are_told_apart() -> None:
    few = replace(content(rows=60), champion="3")
    text = Page(render_nothing(few)).text
    assert "Not enough data yet to tell who leaves" in text
    assert "does not predict" not in text
    assert "Version 3, from an earlier run, stays champion" in text


@pytest.mark.parametrize("language", ("zh-Hans", "zh-Hant"))
def test_in_chinese_no_english_is_left(language: str) -> None:
    html = render_nothing(content(), texts(language)) + render_nothing(
        content(rows=60), texts(language)
    )
    plain = re.sub(r"<style.*?</style>|<[^>]*>", " ", html, flags=re.S)
    assert set(re.findall("[A-Za-z]{2,}", plain)) <= {
        *("csv", "AUC", "ROC", "UTC", "time", "positive", "holdfast", "quickstart", "inspect"),
    }
