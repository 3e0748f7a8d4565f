"""Kept answers are those that would be made anew, whatever is written, asked and however late."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.online.service import online_directory
from features.online.settings import OnlineSettings
from features.packed.store import PackedStore
from serving.answers.answering import Answering
from serving.answers.question import Question
from serving.contract.predictions import PredictionsRequest, check_request
from serving.served.follower import ModelFollower
from serving.settings import ServingSettings
from tests.builders.served_home import MOMENT, Built, register, trained


class World:
    """A home that is written to, its time, and two ways of answering about it."""

    def __init__(self, built: Built) -> None:
        self.built = built
        self.now = MOMENT + timedelta(hours=1)
        self.follower = ModelFollower(built.home, OnlineSettings(), lambda: self.now)
        self.follower.refresh()
        self.keeping = Answering(self.follower, ServingSettings())
        self.making = Answering(self.follower, ServingSettings(kept_mb=0))
        self.store = PackedStore(online_directory(built.home.features))
        self.model = 1

    @property
    def view(self) -> tuple[str, list[str]]:
        """The feature view of the table, and its columns."""
        (view,) = self.follower.current().models["churn"].online.views
        return view.name, self.store.columns(view.name)

    def write(self, entity: str, seed: int) -> None:
        """Give one customer other features, as of now."""
        view, columns = self.view
        row = self.built.matrix[seed % len(self.built.matrix)][None, :]
        time = np.array([self.now.replace(tzinfo=None)], "datetime64[us]")
        assert self.store.write(view, columns, [entity], time, row) == 1

    def swap(self) -> None:
        """Make another model the champion."""
        self.model += 1
        version = trained(self.built.encoding, self.built.matrix, self.built.table, seed=self.model)
        register(self.built.home, version)
        assert self.follower.refresh()

    def check(self, request: PredictionsRequest, language: str) -> Any:
        """Ask both ways, twice; when a score was made is all that may differ."""
        question = Question.of(request)
        made = _without_times(self.making.answer(question, language, "service"))
        for _ in range(2):
            assert _without_times(self.keeping.answer(question, language, "service")) == made
        return made


def _without_times(answer: bytes) -> Any:
    document = json.loads(answer)
    for prediction in document["predictions"]:
        del prediction["scored_at"]
    return document


@pytest.fixture
def world(copied: Built) -> Iterator[World]:
    return World(copied)


IDS = [f"{number:05}" for number in range(1, 7)]
STEPS = st.one_of(
    st.tuples(st.just("write"), st.sampled_from(IDS), st.integers(0, 200)),
    st.tuples(st.just("wait"), st.sampled_from([1, 30, 71, 400]), st.none()),
    st.tuples(
        st.just("ask"),
        st.lists(st.sampled_from([*IDS, "nobody"]), min_size=1, max_size=4),
        st.tuples(st.sampled_from(["en", "zh-Hans"]), st.integers(0, 3)),
    ),
    st.tuples(st.just("swap"), st.none(), st.none()),
)


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=st.lists(STEPS, min_size=4, max_size=12))
def test_kept_answers_are_those_made_anew(world: World, steps: list[tuple[Any, ...]]) -> None:
    for kind, what, how in steps:
        if kind == "write":
            world.write(what, how)
        elif kind == "wait":
            world.now += timedelta(hours=what)
        elif kind == "swap":
            world.swap()
        else:
            language, reasons = how
            request = check_request({"customer_ids": what, "reasons": reasons}, 10)
            world.check(request, language)


def test_an_answer_is_made_once_until_something_changes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    scorer = world.follower.current().models["churn"].scorer
    score_all = scorer.score_all
    monkeypatch.setattr(scorer, "score_all", lambda rows: made.append(len(rows)) or score_all(rows))
    three, six = (Question.of(check_request({"customer_ids": ids}, 10)) for ids in (IDS[:3], IDS))
    for _ in range(3):
        world.keeping.answer(three, "en", "service")
    assert made == [3]
    world.keeping.answer(six, "en", "service")
    assert made == [3, 3]  # the other three alone
    world.write(IDS[0], 9)
    world.now += timedelta(hours=1)
    world.keeping.answer(three, "en", "service")
    assert made == [3, 3, 1]  # the store was written, the rows of the other two were not


def test_a_kept_answer_becomes_stale_in_time(world: World) -> None:
    world.now = datetime(2024, 6, 1, 13, tzinfo=UTC)
    request = check_request({"customer_ids": IDS[:1], "reasons": 0}, 10)
    assert [one["stale"] for one in world.check(request, "en")["predictions"]] == [False]
    world.now += timedelta(days=4)
    assert [one["stale"] for one in world.check(request, "en")["predictions"]] == [True]
    world.now += timedelta(days=40)
    (withheld,) = world.check(request, "en")["predictions"]
    assert (withheld["probability"], withheld["error"]["code"]) == (None, "features_too_old")
