"""Contacts of our own campaign, given back to the raw tables, as an experiment for uplift."""

import csv
import shutil
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from care.delivery.receivers import Receivers
from care.ledger.rows import MaturedOutcome
from features.contracts.tables import TABLES
from features.retained.own_decisions import OWN_CARE_PART
from holdfast.home import Home
from models.targets import TARGETS
from pipeline.care.approve import approve_campaign
from pipeline.care.delivery.relays import Delivery
from pipeline.care.delivery.send import send_due
from pipeline.care.nightly.export import export_care
from pipeline.care.plan import newest_snapshot, plan_campaign
from pipeline.care.workspace import CareWorkspace, care_of
from pipeline.features import take_in
from pipeline.night.score import score_everybody
from pipeline.uplift import evaluate_home
from tests.builders.care_home import SETTINGS, care_home
from tests.builders.clocks import clock_at
from tests.builders.experiments import QUICK
from tests.builders.ledger_rows import ANA
from tests.builders.night import CONFIG, FEATURES, ONLINE, make_operator_version, register_champion

DAY = timedelta(days=1)


@pytest.fixture
def home(simulated_operator: Path, tmp_path: Path) -> Home:
    """A simulated operator's home with a campaign for everybody, of an action of which it has no
    contacts yet.
    """
    scored = Home(Path(shutil.copytree(simulated_operator / "home", tmp_path / "scored")))
    register_champion(scored, make_operator_version(scored, TARGETS["churn"]))
    score_everybody(scored, CONFIG, clock=clock_at(), online=ONLINE)
    home = care_home(scored, tmp_path / "home")
    today = newest_snapshot(home).date()
    for path, words in (
        (
            home.care / "campaigns" / "calls.toml",
            {"2025-05-01": today, "2025-05-31": today + DAY, "0.3": 0.5, "1000": 5000},
        ),
        (home.care / "catalogue.toml", {}),
    ):
        text = path.read_text(encoding="utf-8").replace("courtesy_call", "our_call")
        for word, other in words.items():
            text = text.replace(word, str(other))
        path.write_text(text, encoding="utf-8")
    return home


def sent(care: CareWorkspace, now: datetime) -> list[dict[str, str]]:
    """Plan, approve and hand over; what the operator's systems are to do."""
    plan_campaign(care, "calls", FEATURES, clock_at(now))
    approve_campaign(care, "calls", ANA, None, clock_at(now))
    later = clock_at(now + 3 * DAY / 2)  # quiet hours have ended
    files = Delivery(receivers=Receivers(), secrets={}, clock=later, machine_clock=later)
    path = send_due(care, files, FEATURES).path
    assert path is not None
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def as_the_operator_tells(raw: Path, rows: list[dict[str, str]], at: datetime) -> None:
    """The operator's systems report what they did under our ids; of arms they know nothing."""
    contract = TABLES["care_contacts"].arrow_schema
    told = [
        dict.fromkeys(contract.names)
        | {name: row[name] for name in ("customer_id", "subscription_id", "action", "channel")}
        | {"contact_id": row["decision_id"], "arm": "treatment", "delivered": True}
        | {"happened_at": at, "arrived_at": at}
        for row in rows
    ]
    pq.write_table(pa.Table.from_pylist(told, contract), raw / "care_contacts" / "crm.parquet")


def test_uplift_takes_a_campaign_that_was_sent_as_randomised(
    home: Home, simulated_operator: Path, tmp_path: Path
) -> None:
    """The action is made to harm: one in four is lost who is treated, one in twenty who is not."""
    # The simulated clock stands at the moment of the snapshot.
    now = newest_snapshot(home)
    matured = now + 130 * DAY
    random = np.random.default_rng(1)
    with care_of(home, SETTINGS) as care:
        rows = sent(care, now)
        outcomes = [
            MaturedOutcome(
                decision_id=decision.decision_id,
                is_lost=bool(random.random() < (0.25 if decision.arm == "treatment" else 0.05)),
                matured_at=matured,
            )
            for _, decision in care.ledger.decisions("calls")
        ]
        care.ledger.measured.record_matured(outcomes, matured)
        export_care(home, care.ledger)
    raw = Path(shutil.copytree(simulated_operator / "operator" / "raw", tmp_path / "raw"))
    as_the_operator_tells(raw, rows, now + 3 * DAY)
    report = take_in(home, str(raw), now=matured + DAY)
    (contacts,) = (one for one in report.tables if one.table == "care_contacts")
    assert contacts.refused == len(rows)

    run = evaluate_home(
        home, ("our_call",), tmp_path / "uplift", QUICK, clock=clock_at(matured + DAY)
    )
    (evaluation,) = run.evaluations
    (action,) = evaluation.actions
    experiment = evaluation.experiment
    assert (action.finding.evidence, experiment.drawn_at_random) == ("randomised", "table")
    assert len(experiment.arm) == len(outcomes)
    assert set(np.round(experiment.propensity, 9)) == {0.5}
    assert action.finding.verdict == "harms"
    assert action.average.low < -0.2 < action.average.high < 0

    # Where arms contradict their propensities nothing is claimed, and no model is registered.
    path = home.raw / "care_contacts" / OWN_CARE_PART
    given = pl.read_parquet(path)
    drawn = pl.when(pl.col("arm") == "treatment").then(0.9).otherwise(0.1)
    told = given.with_columns(drawn.alias("propensity")).to_arrow()
    pq.write_table(told.cast(TABLES["care_contacts"].arrow_schema), path)
    run = evaluate_home(
        home, ("our_call",), tmp_path / "wrong", QUICK, clock=clock_at(matured + DAY)
    )
    assert (run.evidence, run.registered) == ("observational", {})
