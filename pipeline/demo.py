"""The demo: a simulated operator from raw tables to a base that is scored every night, a service
that answers, the same operator as one flat table, and a campaign from its plan to its effect.

Every step finds what an earlier run finished, and does only what is missing.
"""

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.error import URLError
from urllib.request import ProxyHandler, Request, build_opener

import polars as pl
from pydantic import BaseModel, ConfigDict

from care.measurement import Measurement
from care.settings import CareSettings
from features.online.settings import OnlineSettings
from holdfast.clock import Clock, home_clock, write_clock
from holdfast.errors import HoldfastError
from holdfast.home import Home
from holdfast.logging import progress
from models.churn import CHURN, TABLE_CHURN
from models.registry import CHAMPION, SHADOW, RegistryEntry, list_versions
from pipeline.care.demo import play_demo_campaign, send_demo_campaign
from pipeline.night.config import NightConfig
from pipeline.night.nightly import run_night
from pipeline.night.options import NightOptions
from pipeline.night.status import Status, read_status
from pipeline.promote import ShownVersion, promote_model, show_model, would_pass
from pipeline.simulated_operator import (
    ROLES,
    TABLE,
    operator_table,
    require_simulated,
    simulate_into,
)
from training.release.gate import SHADOW_RULES
from training.settings import TrainingConfig

if TYPE_CHECKING:
    from pipeline.night.night import Night

CUSTOMERS = 8_000
MONTHS = 18
SEED = 1
ASKED = 3
"""Subscriptions that the service is asked about: those most likely to leave."""

_START_SECONDS = 120
_STOP_SECONDS = 30

Result = TypeVar("Result")

# Loopback is never reached through a proxy.
_direct = build_opener(ProxyHandler({}))


class DemoConfig(BaseModel):
    """The settings of the demo.

    Parameters
    ----------
    training : TrainingConfig
        How models are trained, and what the gate asks.
    night : NightConfig
        How the night takes tables in, computes features and scores.
    online : OnlineSettings
        Where the newest features go. The service reads the environment itself.
    care : CareSettings
        How care is planned and sent.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    training: TrainingConfig = TrainingConfig()
    night: NightConfig = NightConfig()
    online: OnlineSettings = OnlineSettings()
    care: CareSettings = CareSettings()


@dataclass(frozen=True, kw_only=True)
class DemoStep:
    """A step of the demo.

    Parameters
    ----------
    name, about : str
        Which, and what came of it, in words.
    seconds : float
        How long it took.
    """

    name: str
    about: str
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Demo:
    """What the demo made.

    Parameters
    ----------
    home, table_home : Home
        The operator's home, and that of the flat table.
    model : ShownVersion
        The operator's model, with what the gate said of it.
    alias : str or None
        As what it scores: champion or shadow; None where the gate refused it as both.
    night : Night
        The last night.
    status : Status
        How the home is in the end.
    answer : JSON object or None
        The service's answer about the subscriptions most likely to leave; None where nobody is
        scored.
    table : ShownVersion
        The model of the flat table.
    campaign : Measurement or None
        What came of the campaign; None where nobody is scored.
    seconds : float
        How long all of it took.
    """

    home: Home
    table_home: Home
    model: ShownVersion
    alias: str | None
    night: "Night"
    status: Status
    answer: dict[str, Any] | None
    table: ShownVersion
    campaign: Measurement | None
    seconds: float

    def to_json(self) -> dict[str, object]:
        """The result as one JSON object."""
        return {
            "home": str(self.home.root),
            "model": self.model.to_json(),
            "scores_as": self.alias,
            "night": self.night.to_json(),
            "status": self.status.to_json(),
            "answer": self.answer,
            "table": self.table.to_json(),
            "table_home": str(self.table_home.root),
            "campaign": None if self.campaign is None else self.campaign.to_json(),
            "seconds": round(self.seconds, 2),
        }


def demo(
    home: Home,
    config: DemoConfig,
    *,
    clock: Clock,
    told: Callable[[DemoStep], None] = lambda step: None,
) -> Demo:
    """Simulate an operator, run its first night, train a model of churn, ask the gate, score
    everybody, and ask a service; then run `quickstart` on one flat table of it.

    Parameters
    ----------
    home : Home
        Where everything goes; the flat table's home is the folder ``table`` in it.
    config : DemoConfig
        Its settings.
    clock : Clock
        What time it is outside the operator's home, which has a time of its own.
    told : callable
        Told of every step when it is done.

    Raises
    ------
    HomeError
        The home holds what is somebody else's. Nothing was changed.
    HoldfastError
        A step failed; what was finished stays, and the next run carries on.
    """
    started = time.monotonic()
    require_simulated(home)
    return _Run(home, config, clock, told).run(started)


class _Run:
    """One run of the demo."""

    def __init__(
        self, home: Home, config: DemoConfig, clock: Clock, told: Callable[[DemoStep], None]
    ) -> None:
        self._home, self._config, self._clock, self._told = home, config, clock, told
        self._table_home = Home(home.root / "table")

    def run(self, started: float) -> Demo:
        self._step("simulate", self._simulate)
        night = self._step("night", self._night)
        if self._alias() is None:
            self._step("train", self._train)
            if self._step("promote", self._promote):
                night = self._step("night", self._night)
        answer = None if self._alias() is None else self._step("serve", self._ask)
        table = self._step("table", self._table)
        campaign = None
        if self._alias() is not None:
            self._step("care", self._care)
            campaign = self._step("measure", self._measure)
        return Demo(
            home=self._home,
            table_home=self._table_home,
            model=show_model(self._home, CHURN.name, self._newest()),
            alias=self._alias(),
            night=night,
            status=read_status(self._home, home_clock(self._home, self._clock)),
            answer=answer,
            table=table,
            campaign=campaign,
            seconds=time.monotonic() - started,
        )

    def _step(self, name: str, do: Callable[[], tuple[Result, str]]) -> Result:
        begun = time.monotonic()
        result, about = do()
        self._told(DemoStep(name=name, about=about, seconds=time.monotonic() - begun))
        return result

    def _simulate(self) -> tuple[None, str]:
        end = simulate_into(self._home, CUSTOMERS, MONTHS, SEED)
        return None, f"{CUSTOMERS:,} customers of an operator, {MONTHS} months until {end:%Y-%m-%d}"

    def _night(self) -> "tuple[Night, str]":
        source = str(self._home.root / "operator" / "raw")
        night = run_night(
            self._home,
            NightOptions(source=source),
            self._config.night,
            clock=home_clock(self._home, self._clock, source),
            online=self._config.online,
        )
        if night.verdict == "stopped":
            raise HoldfastError(f"the night stopped: {night.error}")
        score = night.step("score")
        if night.changed_nothing:
            about = "nothing has changed since the last one"
        elif score is None or score.status == "skipped":
            about = "raw tables in, features computed; there is no model to score with yet"
        else:
            about = score.about
        return night, about

    def _train(self) -> tuple[None, str]:
        if self._entries():
            return None, f"{CHURN.name} {self._newest()} was trained before"
        from pipeline.train import train_target

        trained = train_target(
            self._home,
            CHURN.name,
            None,
            self._config.training,
            online=self._config.online,
            clock=home_clock(self._home, self._clock),
        )
        if trained.number is None:
            raise HoldfastError(f"the training found nothing: see {trained.report}")
        days = ", ".join(map(str, CHURN.horizons_days))
        return None, f"{CHURN.name} {trained.number}, within {days} days, challenger"

    def _promote(self) -> tuple[bool, str]:
        """Whether the version scores from now on."""
        gate, online = self._config.training.gate, self._config.online
        number = self._newest()
        verdict = would_pass(self._home, CHURN.name, number, gate=gate, online=online)
        promotion = promote_model(
            self._home,
            CHURN.name,
            number,
            shadow=not verdict.passed and not verdict.beyond(SHADOW_RULES),
            gate=gate,
            online=online,
            clock=home_clock(self._home, self._clock),
        )
        if promotion.champion:
            return True, "the gate passed it: it is champion"
        if promotion.shadow:
            return True, "the gate wants more evidence: it is shadow until then"
        return False, "the gate refused it: nobody is scored with it"

    def _ask(self) -> tuple[dict[str, Any], str]:
        ids = self._riskiest()
        with serving(self._home) as address:
            answer = ask(address, ids)
        return answer, f"it answered about {len(ids)} subscriptions"

    def _table(self) -> tuple[ShownVersion, str]:
        home = self._table_home
        if not home.tracking.is_file() or not any(
            CHAMPION in entry.aliases for entry in list_versions(home, TABLE_CHURN)
        ):
            from pipeline.quickstart import quickstart

            cutoff, path = operator_table(self._home, self._config.training.labels)
            # To whoever exported the table it was that Monday.
            home.root.mkdir(exist_ok=True)
            write_clock(home.clock, cutoff)
            own = home_clock(home, self._clock)
            quickstart(path, ROLES, home, self._config.training, clock=own, as_of=cutoff)
        return show_model(home, TABLE_CHURN), f"one Monday as {TABLE}, and quickstart on it"

    def _care(self) -> tuple[None, str]:
        clock = home_clock(self._home, self._clock)
        features = self._config.night.scoring.features
        sent = send_demo_campaign(self._home, self._config.care, features, clock)
        refused = sum(sent.refused.values())
        return None, (
            f"calls to those most likely to leave: {sent.sent:,} handed over, {sent.withheld:,} withheld"
            f" at random, {refused:,} refused by policy"
        )

    def _measure(self) -> tuple[Measurement, str]:
        measured = play_demo_campaign(
            self._home,
            self._config.care,
            self._config.night.scoring.features,
            self._config.training.labels,
        )
        found = measured.effect
        if found is None:
            about = "too few households for an interval"
        else:
            about = (
                f"the share of lines that stay moved by {100 * found.value:+.1f} points"
                f" ({100 * found.low:+.1f} to {100 * found.high:+.1f})"
            )
        return measured, f"ten weeks later, simulated on: {about}"

    def _riskiest(self) -> list[str]:
        (*_, newest) = sorted(self._home.score_sets.glob(f"at=*/{CHURN.name}.parquet"))
        scores = pl.read_parquet(newest, columns=["subscription_id", "horizon_days", "probability"])
        longest = scores.filter(pl.col("horizon_days") == max(CHURN.horizons_days))
        order = longest.sort("probability", "subscription_id", descending=[True, False])
        return order["subscription_id"].head(ASKED).to_list()

    def _alias(self) -> str | None:
        """As what the operator's model scores."""
        aliases = {alias for entry in self._entries() for alias in entry.aliases}
        return next((alias for alias in (CHAMPION, SHADOW) if alias in aliases), None)

    def _newest(self) -> str:
        """Number of the version that scores, or else of the newest one."""
        entries = self._entries()
        return next(
            (entry for entry in entries if {CHAMPION, SHADOW} & set(entry.aliases)), entries[0]
        ).number

    def _entries(self) -> list[RegistryEntry]:
        """Versions of the operator's model, newest first."""
        return list_versions(self._home, CHURN.name) if self._home.tracking.is_file() else []


@contextmanager
def serving(home: Home) -> Iterator[str]:
    """A service process on a free loopback port, ready; yields its address and stops it at the end.

    Raises
    ------
    HoldfastError
        The service did not become ready; the message holds its last line.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    command = [
        sys.executable,
        "-m",
        "commands.main",
        "serve",
        "--home",
        str(home.root),
        "--port",
        str(port),
    ]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    try:
        with progress("Starting the service"):
            _wait_until_ready(process, address)
        yield address
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def ask(address: str, ids: list[str]) -> dict[str, Any]:
    """Ask a service who of some subscriptions leaves."""
    asked = {"subscription_ids": ids, "models": [CHURN.name], "reasons": 3}
    body = json.dumps(asked).encode()
    request = Request(f"{address}/v1/predictions", body, {"Content-Type": "application/json"})
    with _direct.open(request, timeout=30) as response:
        answer: dict[str, Any] = json.load(response)
    return answer


def _wait_until_ready(process: "subprocess.Popen[str]", address: str) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            lines = (process.stderr.read() if process.stderr else "").strip().splitlines()
            raise HoldfastError(
                f"the service stopped with exit code {process.returncode}: {lines[-1] if lines else 'no message'}"
            )
        try:
            with _direct.open(f"{address}/readyz", timeout=5):
                return
        except (URLError, OSError):
            time.sleep(0.2)
    raise HoldfastError(f"the service was not ready after {_START_SECONDS} seconds")
