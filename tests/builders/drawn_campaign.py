"""A home whose campaign was drawn, approved and handed over, from raw tables made by hand."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from care.arms import uniform
from care.ledger.rows import Verdicts
from care.measurement import Measurement
from care.settings import CareSettings
from features.settings import FeatureSettings
from holdfast.clock import system_clock
from holdfast.home import Home
from pipeline.care.measure import measure_campaign
from pipeline.care.nightly.night import CareOfNight, NightOfCare
from pipeline.care.workspace import care_of
from tests.builders.ledger_rows import ANA, decision_row, plan_row
from tests.builders.line_tables import LineTables, day
from training.settings import LabelSettings

SALT = "a salt that does not change"
HOUSEHOLDS = 600
LABELS = LabelSettings(inactivity_days=30, settle_days=7)
FEATURES = FeatureSettings(memory_gb=0.5, threads=1)
NAME = "spring"
SHARE = 0.4


def is_control(number: int) -> bool:
    """Whether the salt draws a household into control."""
    return bool(uniform([f"H{number}"], SALT, f"campaign {NAME}")[0] < SHARE)


def tables(lost_on: Callable[[int], float | None]) -> LineTables:
    """A customer and a line to each household; some lines are lost on a day."""
    made = LineTables()
    for number in range(HOUSEHOLDS):
        made.customer(f"C{number}", household_id=f"H{number}", account_id=f"A{number}")
        made.line(f"S{number}", customer_id=f"C{number}")
        lost = lost_on(number)
        if lost is not None:
            made.loss(f"S{number}", "cancellation", lost, customer_id=f"C{number}")
    made.reach(200)
    return made


def home_with(
    folder: Path,
    made: LineTables,
    *,
    drawn_on: Callable[[int], float] = lambda number: 0,
    arm_of: Callable[[int], bool] = is_control,
    **declared: object,
) -> Home:
    """A home whose campaign was drawn, approved and handed over."""
    home = Home(folder)
    made.write(home.raw)
    (home.care / "campaigns").mkdir(parents=True)
    (home.care / "salt").write_text(SALT + "\n", encoding="utf-8")
    first, last = day(0).date(), day(max(map(drawn_on, range(HOUSEHOLDS)))).date()
    terms: dict[str, object] = {
        "action": "courtesy_call",
        "triggers": ["predicted_risk"],
        "begins_on": str(first),
        "ends_on": str(last),
        "control_share": SHARE,
        "outcome_days": 30,
        "most_households": 1000,
        "priority": 1,
        **declared,
    }
    text = "".join(f"{key} = {toml(value)}\n" for key, value in terms.items())
    (home.care / "campaigns" / f"{NAME}.toml").write_text(text, encoding="utf-8")
    with care_of(home, CareSettings(jurisdiction="EU")) as care:
        for number, start in enumerate(sorted({drawn_on(n) for n in range(HOUSEHOLDS)})):
            members = [n for n in range(HOUSEHOLDS) if drawn_on(n) == start]
            rows = [
                decision_row(
                    member,
                    action="courtesy_call",
                    action_class="service",
                    arm="control" if arm_of(member) else "treatment",
                    channel=None if arm_of(member) else "phone",
                    send_after=None if arm_of(member) else day(start),
                    send_before=None if arm_of(member) else day(start + 7),
                )
                for member in members
            ]
            plan = replace(
                plan_row(f"{NAME}-{number}"),
                made_at=day(start),
                about={"proposed": len(rows) + 5, "refused": {"cool_down": 5}},
            )
            care.ledger.record_plan(plan, terms, rows)
            care.ledger.approve(plan.plan_id, plan.digest, ANA, day(start))
        at = day(max(map(drawn_on, range(HOUSEHOLDS))))
        claims = care.ledger.outbox.claim(at, HOUSEHOLDS, lambda _: Verdicts())
        care.ledger.outbox.handed_over(claims, at)
    return home


def toml(value: object) -> str:
    """A value as TOML."""
    return (
        str(value).replace("'", '"') if isinstance(value, list) else repr(value).replace("'", '"')
    )


def measured(home: Home, at: datetime) -> Measurement:
    """What is known of the campaign at a time."""
    with care_of(home, CareSettings(jurisdiction="EU")) as care:
        return measure_campaign(care, NAME, LABELS, FEATURES, lambda: at)


def more_lost_in_control(number: int) -> float | None:
    """A fifth of control leaves on day 10, a tenth of treatment."""
    return 10 if number % (5 if is_control(number) else 10) == 0 else None


def night_of_care(home: Home, at: datetime) -> NightOfCare:
    """What a night at a time does about care."""
    settings = CareSettings(jurisdiction="EU")
    care = CareOfNight(home, settings, FEATURES, LABELS, lambda: at, system_clock)
    return care.run(may_run=False, has_doubts=False)


def change_file(home: Home, **declared: object) -> None:
    """Other terms in the campaign's file."""
    path = home.care / "campaigns" / f"{NAME}.toml"
    lines = path.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if line.split(" = ")[0] not in declared]
    kept += [f"{key} = {toml(value)}" for key, value in declared.items() if value is not None]
    path.write_text("\n".join(kept) + "\n", encoding="utf-8")
