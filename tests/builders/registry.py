"""Versions in a real registry, and processes that die while they write to it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from mlflow import MlflowClient

from features.online.settings import OnlineSettings
from holdfast.home import Home
from models.registry import (
    list_versions,
)
from pipeline import promote
from tests.builders.clocks import clock_at
from tests.builders.model_versions import (
    NOBODY,
    make_version,
)
from training.release import comparison as version_comparison
from training.release.facts import ChampionComparison
from training.release.tracking import RunRecord, Tracking
from training.settings import AssessmentSettings, GateSettings

RECORD = RunRecord(
    parameters={"seed": 1},
    metrics={"auc_90d": 0.74, "auc_90d_low": 0.72, "auc_90d_high": 0.76, "auc_30d": 0.7},
)


GATE = GateSettings()


ONLINE = OnlineSettings()


promote_model = partial(promote.promote_model, gate=GATE, online=ONLINE, clock=clock_at())


rollback_model = partial(promote.rollback_model, online=ONLINE, clock=clock_at())


would_pass = partial(promote.would_pass, gate=GATE, online=ONLINE)


compare_models = partial(
    version_comparison.compare_models, settings=AssessmentSettings(draws=60), seed=1
)


def registry_client(home: Home) -> MlflowClient:
    """MLflow's own client of a home.

    Both addresses are named: for one that is not, MLflow makes a database in the working directory.
    """
    address = f"sqlite:///{home.tracking}"
    return MlflowClient(tracking_uri=address, registry_uri=address)


def registered(
    tracking: Tracking,
    name: str,
    champion: ChampionComparison = NOBODY,
    record: RunRecord = RECORD,
    **changes: Any,
) -> str:
    return tracking.register(make_version(name, champion, **changes), record)


def aliases(home: Home, name: str) -> dict[str, str]:
    return {alias: entry.number for entry in list_versions(home, name) for alias in entry.aliases}


@dataclass
class Trial:
    number: int
    parameters: dict[str, Any]
    pruned: bool
    value: float | None
    log_loss: float | None = 0.1
    rounds: int | None = 10
    leaves: int | None = 70
    seconds: float = 0.5


class Killed(BaseException):
    """Stands for `kill -9`: nothing the process does afterwards has an effect."""


class Dying:
    """A client of the registry whose process dies before, or right after, the given call that would
    change something.
    """

    def __init__(self, client: Any, call: int, after: bool) -> None:
        self._client, self._left, self._after = client, call, after

    def __getattr__(self, method: str) -> Any:
        real = getattr(self._client, method)
        if not method.startswith(("create", "log", "set", "delete")):
            return real

        def call(*arguments: Any, **options: Any) -> Any:
            self._left -= 1
            if self._left < 0 or (self._left == 0 and not self._after):
                raise Killed
            result = real(*arguments, **options)
            if self._left == 0:
                raise Killed
            return result

        return call


def calls_until_done(act: Callable[[int], None]) -> int:
    """Let it die at its first, second, third call and so on, until it lives; the number of the call
    it was not killed at.
    """
    for call in range(1, 60):
        try:
            act(call)
        except Killed:
            continue
        return call
    raise AssertionError("never done")
