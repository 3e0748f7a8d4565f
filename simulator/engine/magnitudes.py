"""Figures of a simulated operator, beside published ones of real operators."""

from dataclasses import dataclass
from pathlib import Path

import duckdb

from features.contracts.tables import TABLES
from simulator.engine.simulator import Simulator
from simulator.engine.writer import TRUTH_TABLES


@dataclass(frozen=True)
class Magnitude:
    """One figure.

    Parameters
    ----------
    figure : str
        What is measured, with its unit.
    simulated : float
        From the raw tables; NaN where the period is too short.
    published : str
        The figure of real operators, or ``assumed`` with the intended range.
    source : str
        Source and date of the published figure; empty for assumptions.
    """

    figure: str
    simulated: float
    published: str
    source: str


_VIEWS = """
create view lines as
select subscription_id, any_value(customer_id) as customer_id,
  any_value(billing_type) as line, min(activated_at) as began,
  coalesce(min(happened_at) filter (status = 'ended'), timestamptz '2200-01-01') as ended
from subscriptions group by 1;
create view in_period as
select *, date_diff('day', greatest(began, first), least(ended, last)) as days
from lines, period where ended > first and began < last;
create view present as
select customer_id, date_diff('day', min(greatest(began, first)), max(least(ended, last))) / 365.25 as years
from in_period group by 1;
create view lost as
select line, churn in ('cancellation', 'port_out', 'product_drop', 'inactivity') as voluntary, count(*) as losses
from churn_events join lines using (subscription_id), period where happened_at >= first group by all;
create view churn_rate as
select line, voluntary, 100 * losses / months as rate
from lost join (select line, sum(days) / 30.4375 as months from in_period group by 1) using (line);
create view answer as
select survey, instrument, score from survey_answers where dimension = 'overall';
create view trouble as
select * from tickets where ticket_kind <> 'request';
create view care_effect as
select action, -100 * avg(case action
    when 'plan_fit_offer' then stay_effect_plan_fit_offer
    when 'data_gift' then stay_effect_data_gift
    when 'courtesy_call' then stay_effect_courtesy_call
    when 'outage_apology' then stay_effect_outage_apology
    when 'device_upgrade_offer' then stay_effect_device_upgrade_offer end) as effect
from true_contacts c join true_states s on c.subscription_id = s.subscription_id
  and s.happened_at <= c.happened_at and s.happened_at > c.happened_at - interval 28 day
group by 1;
"""

_CHURN = "select any_value(rate) from churn_rate where line = $line and voluntary = $voluntary"
_EFFECT = "select any_value(effect) from care_effect where action = $action"
_LOW = (
    "select 100 * avg((score <= 2)::int) from answer where survey = $survey and instrument = 'csat'"
)
_HIGH = (
    "select 100 * avg((score >= 4)::int) from answer where survey = $survey and instrument = 'csat'"
)
_NPS = """select 100 * (avg((score >= 9)::int) - avg((score <= 6)::int)) from answer
where survey = 'relationship' and instrument = 'nps'"""
_HELD = """select count(distinct subscription_id) / count(distinct customer_id) from subscriptions where replaced_by is null"""
_CONTACTS = "select (select count(*) from interactions) / (select sum(years) from present)"
_WAIT = "select avg(wait_seconds) from interactions where channel = 'phone'"
_BY_PHONE = "select 100 * avg((channel in ('phone', 'ivr'))::int) from interactions"
_TROUBLE = (
    "select 100 * count(distinct customer_id) / (select sum(years) from present) from trouble"
)
_FIRST_CONTACT = """select 100 * avg((contacts = 1 and not again)::int) from (
select ticket_id, count(distinct interaction_id) as contacts, bool_or(status = 'reopened') as again
from trouble join interactions using (ticket_id) group by 1)"""
_SETTLED = "select 100 * avg(resolved::int) from interactions"
_ANSWERED = """select 100 * count(distinct a.invitation_id) / count(distinct i.invitation_id)
from survey_invitations i left join survey_answers a using (invitation_id) where i.survey = 'relationship'"""
_LATE = "select 100 * avg((days_late > 0)::int) from payments where status = 'paid'"
_DISPUTED = "select 100 * avg(disputed) from (select max(disputed::int) as disputed from bills group by bill_id)"

_OFCOM = "Ofcom, Comparing customer service, 2023 (for 2022)"
_FIGURES: tuple[tuple[str, str, dict[str, str | bool], str, str], ...] = (
    (
        "voluntary churn of mobile postpaid, % per month",
        _CHURN,
        {"line": "postpaid", "voluntary": True},
        "0.82 to 1.00",
        "company reports: Verizon 0.82, T-Mobile US 0.99, AT&T 1.00 (postpaid phone, Q4 2018), T-Mobile US 0.89 (Q3 2019)",
    ),
    (
        "voluntary churn of mobile prepaid, % per month",
        _CHURN,
        {"line": "prepaid", "voluntary": True},
        "about 3.5",
        "T-Mobile US, Q2 2019: almost three points above postpaid (Statista)",
    ),
    (
        "voluntary churn of fixed, % per month",
        _CHURN,
        {"line": "fixed", "voluntary": True},
        "0.9 to 1.8",
        "Western Europe 0.9 to 1.2, Canada 1.8 (Analysys Mason, 2021); Frontier fibre 1.29 (Q2 2025)",
    ),
    (
        "involuntary churn of mobile postpaid, % per month",
        _CHURN,
        {"line": "postpaid", "voluntary": False},
        "assumed 0.1 to 0.3",
        "",
    ),
    (
        "involuntary churn of mobile prepaid, % per month",
        _CHURN,
        {"line": "prepaid", "voluntary": False},
        "assumed 0.2 to 0.5",
        "",
    ),
    (
        "involuntary churn of fixed, % per month",
        _CHURN,
        {"line": "fixed", "voluntary": False},
        "assumed 0.2 to 0.5",
        "",
    ),
    ("subscriptions per customer", _HELD, {}, "assumed 1.5", ""),
    ("contacts per customer and year", _CONTACTS, {}, "assumed 1.5 to 3", ""),
    ("mean wait on the phone, seconds", _WAIT, {}, "143 mobile, 157 fixed", _OFCOM),
    (
        "contacts by phone or its menu, %",
        _BY_PHONE,
        {},
        "77 mobile, 90 fixed",
        f"{_OFCOM}; lower here, for bots and apps (assumed)",
    ),
    (
        "customers with a complaint or fault, % per year",
        _TROUBLE,
        {},
        "14 mobile, 23 broadband",
        "Ofcom, 2025 (for 2024): had reason to complain; here a ticket",
    ),
    (
        "complaints and faults settled at first contact, %",
        _FIRST_CONTACT,
        {},
        "37 broadband, 43 mobile",
        "Ofcom, 2022 (for 2021), by asking; here one contact and not reopened",
    ),
    ("contacts settled at once, by the operator's books, %", _SETTLED, {}, "assumed 60 to 75", ""),
    ("relationship invitations answered, %", _ANSWERED, {}, "assumed 15 to 25", ""),
    (
        "relationship CSAT (4 or 5 of 5), %",
        _HIGH,
        {"survey": "relationship"},
        "82 broadband, 87 mobile",
        f"{_OFCOM}: satisfied, of all customers; here of those who answer",
    ),
    (
        "relationship CSAT low (1 or 2 of 5), %",
        _LOW,
        {"survey": "relationship"},
        "assumed 12 to 20",
        "",
    ),
    (
        "contact CSAT low (1 or 2 of 5), %",
        _LOW,
        {"survey": "transactional"},
        "assumed 15 to 25",
        "",
    ),
    ("NPS, points", _NPS, {}, "assumed 10 to 40", ""),
    ("payments late, %", _LATE, {}, "assumed 5 to 10", ""),
    ("bills disputed, %", _DISPUTED, {}, "assumed 0.2 to 1", ""),
    (
        "90-day churn because of the plan-fit offer, points",
        _EFFECT,
        {"action": "plan_fit_offer"},
        "+4 (from 6 to 10 %)",
        "Ascarza, Iyengar and Schleicher, 2016: plan recommendations",
    ),
    (
        "90-day churn because of the courtesy call, points",
        _EFFECT,
        {"action": "courtesy_call"},
        "-1.9 (from 17.2 %)",
        "Godinho de Matos, Ferreira and Belo, 2018: likely churners called",
    ),
    (
        "90-day churn because of the outage apology, points",
        _EFFECT,
        {"action": "outage_apology"},
        "assumed -1 to -3",
        "",
    ),
    (
        "90-day churn because of the device upgrade offer, points",
        _EFFECT,
        {"action": "device_upgrade_offer"},
        "assumed -1 to -3",
        "",
    ),
    (
        "90-day churn because of the data gift, points",
        _EFFECT,
        {"action": "data_gift"},
        "assumed 0: it does nothing",
        "",
    ),
)


def connect(folder: Path) -> duckdb.DuckDBPyConnection:
    """Open a simulated operator's tables as views of a DuckDB connection, times in UTC.

    Raw tables have their own names, tables of the truth names with ``true_`` in front.

    Parameters
    ----------
    folder : Path
        A folder made by `simulator.engine.simulator.simulate`.
    """
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'")
    for table in TABLES:
        if (folder / "raw" / table).is_dir():
            connection.read_parquet(str(folder / "raw" / table / "*.parquet")).create_view(table)
    for table in TRUTH_TABLES:
        connection.read_parquet(str(folder / "truth" / table / "*.parquet")).create_view(
            f"true_{table}"
        )
    return connection


def magnitudes(folder: Path) -> list[Magnitude]:
    """Measure a simulated operator.

    Parameters
    ----------
    folder : Path
        A folder made by `simulator.engine.simulator.simulate`.

    Returns
    -------
    list of Magnitude
        Figures beside the published ones. Effects of care come from the truth, over all customers
        that a campaign considered; the randomised arms show the same with much noise. With few
        customers, churn rates are mostly noise.
    """
    simulation = Simulator.open(folder).simulation
    with connect(folder) as connection:
        connection.execute(
            "create table period as select $first::timestamptz as first, $last::timestamptz as last",
            {"first": simulation.start, "last": simulation.end},
        )
        connection.execute(_VIEWS)
        figures = []
        for figure, query, values, published, source in _FIGURES:
            row = connection.execute(query, values).fetchone()
            measured = float("nan") if row is None or row[0] is None else float(row[0]) + 0.0
            figures.append(Magnitude(figure, measured, published, source))
    return figures
