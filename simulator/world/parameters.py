"""All magnitudes of the simulated operator, by name, with units in the names.

*Published* marks a figure that a named source reports and that the simulation is compared with
(`simulator.engine.magnitudes` prints both). All others are *assumed*: chosen so that the whole
behaves plausibly. Shares and probabilities lie between 0 and 1; coefficients of a log hazard are per
unit of what they multiply.
"""

from dataclasses import dataclass, field
from math import ceil

LINES = ("postpaid", "prepaid", "broadband", "tv")
"""Product lines as the simulator numbers them: two mobile, two fixed."""
POSTPAID, PREPAID, BROADBAND, TV = range(len(LINES))


@dataclass(frozen=True)
class ArrivalParameters:
    """How rows of one table reach the data platform. All assumed.

    Parameters
    ----------
    usual_hours : float
        Most rows take up to this long, skewed towards minutes.
    late_share : float
        Share of rows that take days.
    late_days : float
        The longest a late row takes, after one day.
    lost_share : float
        Share of rows that never arrive.
    """

    usual_hours: float = 12.0
    late_share: float = 0.02
    late_days: float = 6.0
    lost_share: float = 0.0


def _arrivals() -> dict[str, ArrivalParameters]:
    prompt = ArrivalParameters(usual_hours=2, late_share=0.005, late_days=3)
    daily = ArrivalParameters()
    return {
        "customers": ArrivalParameters(late_share=0.01),
        "subscriptions": ArrivalParameters(late_share=0.01, late_days=4),
        "plans": prompt,
        "devices": ArrivalParameters(late_share=0.05, late_days=14, lost_share=0.03),
        "consents": prompt,
        "loyalty": ArrivalParameters(lost_share=0.01),
        "usage_weeks": ArrivalParameters(
            usual_hours=20, late_share=0.03, late_days=9, lost_share=0.004
        ),
        "network_weeks": ArrivalParameters(
            usual_hours=24, late_share=0.04, late_days=12, lost_share=0.015
        ),
        "app_events": ArrivalParameters(
            usual_hours=3, late_share=0.01, late_days=4, lost_share=0.005
        ),
        "recharges": prompt,
        "orders": daily,
        "appointments": daily,
        "port_requests": prompt,
        "bills": daily,
        "payments": ArrivalParameters(usual_hours=24, late_share=0.02),
        "arrears": daily,
        "refunds": daily,
        "price_changes": daily,
        "interactions": ArrivalParameters(
            usual_hours=4, late_share=0.03, late_days=5, lost_share=0.003
        ),
        "tickets": ArrivalParameters(usual_hours=4, late_share=0.03, late_days=5),
        "incidents": prompt,
        "survey_invitations": daily,
        "survey_answers": ArrivalParameters(usual_hours=20, late_share=0.03, late_days=8),
        "care_contacts": daily,
        "care_outcomes": ArrivalParameters(usual_hours=24, late_share=0.05, late_days=7),
        "churn_events": ArrivalParameters(usual_hours=24, late_share=0.06, late_days=10),
    }


@dataclass(frozen=True)
class PopulationParameters:
    """Who the customers are and what they have. All assumed."""

    segment_shares: tuple[float, ...] = (0.93, 0.04, 0.025, 0.005)
    household_size_shares: tuple[float, ...] = (0.50, 0.27, 0.13, 0.07, 0.03)
    shared_account_share: float = 0.45
    planned_per_customer: float = 1.5
    """Customers who are planned for each one that is asked for: most of them are there before or
    after the time of which the tables tell.
    """
    growth: float = 1.0
    """How many join for each customer who is lost; 1 in equilibrium."""
    changing_hazard: tuple[float, ...] = (2.0, 1.15, 1.85, 2.0)
    """Average factor, by line, of what changes with time in the hazard of deciding to leave. Joiners
    equal losses where it is right; measured by `benchmarks.equilibrium`.
    """
    lasting_contacts: float = 0.14
    """How much lower satisfaction is in the long run where contacts are twice as many as usual.
    Measured, as `lasting_network` is, by regression in the simulation itself.
    """
    lasting_network: float = 0.25
    """How much lower satisfaction is in the long run where network quality is worse by 1."""
    tenure_weeks_most: int = 1300
    """The operator's age."""
    founding_share: float = 0.4
    """First part of the operator's life, in which its oldest customers joined."""
    prepaid_share: float = 0.47
    """Share of customers planned with prepaid lines, of all ages; of those there at a time it is
    smaller, because prepaid lines are lost sooner.
    """
    later_line_share: float = 0.25
    """Share of a customer's further lines that start later than the first, within
    `later_line_weeks`.
    """
    later_line_weeks: int = 260
    successor_share: float = 0.12
    """Share of mobile lines that another line continues, by migration, transfer or SIM swap, in
    burn-in and longest period, if they are in service then.
    """
    committed_share: tuple[float, ...] = (0.68, 0.0, 0.78, 0.70)
    commitment_weeks: tuple[int, ...] = (104, 0, 78, 52)
    renewed_share: float = 0.45
    """Share of commitments that are renewed when they end, among lines of those who were there
    before the burn-in. It is about what the simulated renewals come to.
    """
    promotion_share: tuple[float, ...] = (0.35, 0.0, 0.55, 0.40)
    promotion_discount: float = 0.25
    instalment_share: float = 0.65
    autopay_share: float = 0.62
    autopay_share_prepaid: float = 0.10
    new_device_a_week: float = 0.012
    """Chance that a device older than a year is replaced without the operator."""
    test_share: float = 0.001
    employee_share: float = 0.008
    iot_share_business: float = 0.06
    dual_sim_share: float = 0.55
    dual_sim_share_prepaid: float = 0.72
    wants_accessibility_share: float = 0.02
    frailty_sd: float = 0.30
    """Standard deviation of the log hazard that no observed column explains."""
    satisfaction_base_sd: float = 0.60
    probe_failing_regions: tuple[int, ...] = (7,)
    """Regions whose voice probes fail."""


@dataclass(frozen=True)
class PlanParameters:
    """Prices and their changes. All assumed, in currency per month."""

    fees: tuple[tuple[float, ...], ...] = (
        (12.0, 19.0, 27.0, 37.0, 52.0, 75.0),
        (5.0, 9.0, 14.0, 22.0),
        (24.0, 30.0, 38.0, 50.0, 68.0),
        (10.0, 18.0, 28.0, 45.0),
    )
    data_gb: tuple[tuple[float, ...], ...] = (
        (5.0, 12.0, 25.0, 60.0, 150.0, float("nan")),
        (1.5, 4.0, 10.0, 25.0),
        (150.0, 300.0, 600.0, float("nan"), float("nan")),
        (float("nan"),) * 4,
    )
    minutes: tuple[tuple[float, ...], ...] = (
        (120.0, 300.0, 600.0, 1200.0, float("nan"), float("nan")),
        (60.0, 150.0, 300.0, 600.0),
        (float("nan"),) * 5,
        (float("nan"),) * 4,
    )
    overage_per_gb: tuple[float, ...] = (2.0, 2.5, 0.10, 0.0)
    overage_per_minute: tuple[float, ...] = (0.06, 0.08, 0.0, 0.0)
    rise_share: float = 0.065
    """Average yearly price rise of a plan."""
    rise_notice_weeks: int = 5
    misfit_sd: float = 0.75
    """Standard deviation of the chosen plan's distance from the fitting one, in plan steps."""


@dataclass(frozen=True)
class NetworkParameters:
    """Cells, regions, outages. All assumed."""

    customers_per_cell: int = 220
    cells_least: int = 72
    region_week_sd: float = 0.15
    cell_base_sd: float = 0.45
    cell_week_sd: float = 0.28
    cell_memory: float = 0.88
    cell_trend_sd: float = 0.004
    episode_chance: float = 0.006
    """Probability per week that a cell degrades for a while; it recovers by `cell_memory` a week."""
    episode_size: float = 1.7
    cell_incident_chance: float = 0.015
    region_incident_chance: float = 0.036
    nation_incident_chance: float = 0.015
    personal_sd: float = 0.45
    outage_remembered_a_week: float = 0.87
    """Share of an outage that still counts a week later."""


@dataclass(frozen=True)
class UsageParameters:
    """Use by line: postpaid, prepaid, broadband, TV. All assumed."""

    minutes_a_week: tuple[float, ...] = (48.0, 28.0, 0.0, 0.0)
    data_gb_a_week: tuple[float, ...] = (3.6, 1.1, 62.0, 14.0)
    base_sd: float = 0.85
    trend_sd_a_week: float = 0.004
    memory: float = 0.75
    noise_sd: float = 0.28
    season: float = 0.06
    idle_chance: float = 0.045
    """Probability per week that a dual-SIM prepaid user switches to the other SIM for a while."""
    idle_weeks_most: int = 3
    roaming_chance: float = 0.012


@dataclass(frozen=True)
class BillingParameters:
    """Bills, payments and arrears. All assumed."""

    due_days: int = 14
    one_off_chance: float = 0.02
    one_off_amount: float = 22.0
    shock_ratio: float = 1.22
    """A bill this many times the usual one is a shock."""
    late_chance_by_hand: float = 0.13
    autopay_failure: float = 0.02
    dispute_chance: float = 0.06
    default_chance_a_week: float = 0.00022
    default_without_autopay: float = 3.2
    cure_chance_a_bill: float = 0.35
    unpaid_to_suspend: int = 2
    unpaid_to_end: int = 3
    margin_share: float = 0.5
    """Share of fees and recharges that is margin."""


@dataclass(frozen=True)
class RechargeParameters:
    """Prepaid balance. All assumed, in currency."""

    amounts: tuple[float, ...] = (5.0, 10.0, 15.0, 20.0, 30.0, 50.0)
    buffer: float = 2.0
    valid_days: int = 60
    willingness_a_week: float = 0.8


@dataclass(frozen=True)
class ServiceParameters:
    """Contacts and tickets.

    Published: Ofcom, Comparing customer service (May 2023, for 2022): mean wait 2 min 23 s (mobile)
    and 2 min 37 s (fixed), 77 % to 90 % of contacts by phone, 12 % of mobile and 20 % of broadband
    customers with a reason to complain in a year; for 2021, 37 % to 43 % of complaints settled at
    first contact. The rates by cause are assumed.
    """

    base_rate_a_week: tuple[float, ...] = (
        0.0042,
        0.0020,
        0.0022,
        0.0030,
        0.0008,
        0.0024,
        0.0016,
        0.0034,
    )
    """By issue, in the order of the contract: billing, network, technical, plan, cancellation,
    device, order, other.
    """
    on_bill: float = 0.012
    on_shock: float = 0.16
    on_degraded: float = 0.028
    on_outage: float = 0.10
    on_price_rise: float = 0.05
    on_wavering: float = 0.085
    dissatisfaction: float = 0.22
    personal_sd: float = 0.75
    repeat_chance: float = 0.34
    resolved_share: float = 0.76
    wait_seconds_median: float = 64.0
    wait_sd: float = 1.15
    agents_per_customer: float = 0.0015
    agent_attitude_sd: float = 1.0
    ticket_if_unresolved: float = 0.52
    ticket_if_resolved: float = 0.10
    reopened_share: float = 0.11
    resolve_days_median: float = 3.0


@dataclass(frozen=True)
class SatisfactionParameters:
    """The latent state, about standard normal over customers. All assumed; shocks in its units."""

    return_a_week: float = 0.045
    noise_sd_a_week: float = 0.085
    mean_shift: float = 0.78
    """Offsets the shocks, which are mostly negative."""
    degraded: float = 0.062
    level: float = 0.011
    outage: float = 0.22
    bill_shock: float = 0.46
    price_rise: float = 0.38
    promotion_ended: float = 0.20
    unresolved: float = 0.47
    wait: float = 0.10
    attitude: float = 0.20
    resolved: float = 0.07
    repeat: float = 0.15
    misfit: float = 0.016
    late_appointment: float = 0.4


@dataclass(frozen=True)
class SurveyParameters:
    """Invitations by design, answers by choice.

    Published: Ofcom (2023) has 82 % (broadband) to 87 % (mobile) of customers satisfied; the share
    that answers is assumed.
    """

    invited_a_quarter: tuple[float, ...] = (0.28, 0.40, 0.55, 0.90)
    """By segment."""
    new_customer_factor: float = 1.6
    after_contact: float = 0.30
    answer_base: float = -1.45
    answer_app: float = 0.9
    answer_old: float = 0.6
    answer_language: float = -0.25
    answer_extreme: float = 0.30
    answer_angry: float = 0.12
    reminded_share: float = 0.5
    """Share of invitations to relationship surveys, drawn at random, that are reminded of if no
    answer comes.
    """
    reminder: float = 0.5
    """Probability of answering after a reminder, in terms of that of answering at first."""
    noise_sd: float = 0.87
    csat_edges: tuple[float, ...] = (-2.45, -1.68, -1.0, 0.5)
    nps_middle: float = 8.8
    nps_slope: float = 1.53


@dataclass(frozen=True)
class ChurnParameters:
    """The hazard of deciding to leave, by line: postpaid, prepaid, broadband, TV.

    Published: monthly churn 0.89 % (T-Mobile US postpaid phone, Q3 2019), 0.82 % and 1.00 %
    (Verizon and AT&T, Q4 2018); prepaid almost three points above postpaid (T-Mobile US, Q2 2019);
    fixed broadband 1.29 % (Frontier fibre, Q2 2025), 0.9 % to 1.2 % in Western Europe, 1.8 % in
    Canada (Analysys Mason 2021). Coefficients are assumed and tuned to these.
    """

    base_log_hazard_a_week: tuple[float, ...] = (-5.60, -5.40, -5.07, -5.07)
    leaves_if_wavering: tuple[float, ...] = (0.70, 0.85, 0.75, 0.75)
    satisfaction: tuple[float, ...] = (-0.70, -0.68, -0.85, -0.80)
    committed: float = -1.90
    commitment_ending: float = 1.45
    out_of_commitment: float = 0.55
    instalment: float = -0.35
    promotion_ended: float = 1.20
    price_rise: float = 1.00
    bill_shock: float = 0.80
    degraded: float = 0.48
    competitor_sd: float = 0.30
    competitor_season: float = 0.15
    log_tenure_years: tuple[float, ...] = (-0.45, -0.35, -0.60, -0.55)
    sibling_left: float = 0.80
    unused: float = 0.80
    further_lines: float = -0.30
    autopay: float = -0.50
    dual_sim: float = 1.05
    low_use: tuple[float, ...] = (0.15, 0.62, 0.15, 0.15)
    young: float = 0.45
    log_hazard_most: float = -2.0
    lead_weeks_most: tuple[int, ...] = (7, 4, 9, 8)
    declining_share: float = 0.66
    port_out_share: tuple[float, ...] = (0.62, 0.0, 0.0, 0.0)
    notice_days_most: int = 30
    inactivity_days: int = 30
    fraud_a_week: tuple[float, ...] = (0.00004, 0.00016, 0.0, 0.0)
    moved_a_week: tuple[float, ...] = (0.00006, 0.00050, 0.00050, 0.00050)
    deceased_a_week: tuple[float, ...] = (
        0.0,
        0.0,
        0.00001,
        0.00001,
        0.00002,
        0.00005,
        0.00015,
        0.0005,
    )
    """By age band."""


@dataclass(frozen=True)
class CampaignParameters:
    """Campaigns. Effects are shifts of the log hazard of deciding to leave, at the contact; each
    action's own are in `simulator.world.care_actions`.

    Published: a plan recommendation raised churn in three months from 6 % to 10 % (Ascarza, Iyengar
    and Schleicher 2016); a call lowered it by 1.9 points from 17.2 % (Godinho de Matos, Ferreira
    and Belo 2018). The spread over customers is assumed.
    """

    holdout_share: float = 0.10
    delivered_share: float = 0.93
    sampled_share: float = 0.30
    weeks_between: int = 3
    maturity_days: int = 90
    helps: float = -2.00
    """Largest effect of an action that addresses the problem of a dissatisfied customer."""
    wakes: float = 1.55
    """Effect of a contact on a customer of long tenure without commitment and recent contacts."""
    remembered_a_week: float = 0.7
    """Share of a customer's recent contacts by care that still counts a week later."""
    tolerated_contacts: float = 0.6
    """Recent contacts, so counted, beyond which a further one tires the customer: every third week
    is tolerated, every second is not. The rest says how tired.
    """
    saturation: float = 3.0
    """How fast help falls with tiredness: it is multiplied by exp(-saturation * tired)."""
    annoys: float = 0.08
    """Shift of the log hazard by a contact of a tired customer, per unit of tiredness."""
    annoyed_share: float = 0.05
    """Further share of tired customers, by one unit, who opt out, and who complain."""
    breach: float = 0.3
    """Satisfaction lost by a contact that the customer had refused."""
    breach_complaint_share: float = 0.25
    """Further share of such customers who complain."""


@dataclass(frozen=True)
class Parameters:
    """All magnitudes.

    Parameters
    ----------
    customers_per_block : int
        Customers simulated together, of those asked for. Another value gives other customers.
    weeks_per_part : int
        Weeks between two writes. It limits memory and decides row groups; rows do not depend on it.
    truth_every_weeks : int
        Weeks between two records of the true state of each line.
    """

    customers_per_block: int = 20_000
    weeks_per_part: int = 13
    truth_every_weeks: int = 4
    arrivals: dict[str, ArrivalParameters] = field(default_factory=_arrivals)
    population: PopulationParameters = field(default_factory=PopulationParameters)
    plans: PlanParameters = field(default_factory=PlanParameters)
    network: NetworkParameters = field(default_factory=NetworkParameters)
    usage: UsageParameters = field(default_factory=UsageParameters)
    billing: BillingParameters = field(default_factory=BillingParameters)
    recharge: RechargeParameters = field(default_factory=RechargeParameters)
    service: ServiceParameters = field(default_factory=ServiceParameters)
    satisfaction: SatisfactionParameters = field(default_factory=SatisfactionParameters)
    survey: SurveyParameters = field(default_factory=SurveyParameters)
    churn: ChurnParameters = field(default_factory=ChurnParameters)
    campaign: CampaignParameters = field(default_factory=CampaignParameters)

    def planned(self, customers: int) -> int:
        """How many customers are planned for so many that are asked for."""
        return ceil(customers * self.population.planned_per_customer)
