"""What lines are like: their nature, which nothing changes, and the contract that they begin with."""

from dataclasses import dataclass, fields
from typing import Self

import numpy as np

from simulator.world.calendar import FIRST_WEEK, NO_WEEK
from simulator.world.customers import AGE_USE, CONSUMER, Customers
from simulator.world.draws import Array, Draws
from simulator.world.network import Network
from simulator.world.parameters import BROADBAND, LINES, POSTPAID, PREPAID, TV, Parameters
from simulator.world.plans import PlanCatalogue


@dataclass(frozen=True)
class Nature:
    """What never changes about lines, one array entry each."""

    level: Array
    """How much more than others it is used, as an exponent."""
    base_minutes: Array
    base_data: Array
    trend: Array
    cell: Array
    cell_factor: Array
    frailty: Array
    is_test: Array
    is_employee: Array
    is_iot: Array
    dual_sim: Array
    commitment_luck: Array
    """From 0 to 1: lines below the share of their kind begin with a commitment."""

    def of(self, lines: Array) -> Self:
        """That of some of the lines."""
        return type(self)(
            **{field.name: getattr(self, field.name)[lines] for field in fields(self)}
        )

    def committed(self, kind: Array, parameters: Parameters) -> Array:
        """Whether each line, of some kind, begins with a commitment."""
        share = np.array(parameters.population.committed_share)[kind]
        committed: Array = (self.commitment_luck < share) & ~self.is_iot
        return committed


def draw_nature(
    draws: Draws,
    kind: Array,
    owner: Array,
    customers: Customers,
    network: Network,
    parameters: Parameters,
) -> Nature:
    """Draw what never changes about lines of some kinds and owners."""
    magnitudes, usage = parameters.population, parameters.usage
    random = draws.generator("line traits")
    total = len(kind)
    fixed = kind >= BROADBAND
    firm = (customers.segment != CONSUMER)[owner]
    level = (
        usage.base_sd * random.standard_normal(total)
        + np.where(fixed, 0.3, 1.0) * AGE_USE[customers.age][owner] * 0.6
    )
    base_data = np.array(usage.data_gb_a_week)[kind] * np.exp(level)
    talk = 0.35 * level + 0.75 * random.standard_normal(total) - 0.4 * AGE_USE[customers.age][owner]
    base_minutes = np.array(usage.minutes_a_week)[kind] * np.exp(talk)
    iot = (kind == POSTPAID) & firm & (random.random(total) < magnitudes.iot_share_business)
    region = customers.region[owner]
    home = customers.household[owner]
    place = draws.at("home cell", np.where(home < 0, customers.number[owner], home))
    cell = network.first_cell[region] + np.floor(
        place * np.maximum(network.cells_in[region], 1)
    ).astype(np.int64)
    return Nature(
        level=level,
        base_minutes=np.where(iot, 0.0, base_minutes).astype(np.float32),
        base_data=np.where(iot, 0.02, base_data).astype(np.float32),
        trend=(usage.trend_sd_a_week * random.standard_normal(total)).astype(np.float32),
        cell=np.minimum(cell, network.cells - 1),
        cell_factor=parameters.network.personal_sd * random.standard_normal(total),
        frailty=magnitudes.frailty_sd * random.standard_normal(total),
        is_test=random.random(total) < magnitudes.test_share,
        is_employee=random.random(total) < magnitudes.employee_share,
        is_iot=iot,
        dual_sim=random.random(total)
        < np.where(kind == PREPAID, magnitudes.dual_sim_share_prepaid, magnitudes.dual_sim_share),
        commitment_luck=random.random(total),
    )


def draw_contracts(
    draws: Draws,
    kind: Array,
    start_week: Array,
    nature: Nature,
    plans: PlanCatalogue,
    parameters: Parameters,
) -> dict[str, Array]:
    """Draw plan, commitment, promotion and device of lines: those that hold at the start of the
    burn-in, or when the line starts after it.
    """
    magnitudes = parameters.population
    random = draws.generator("contracts")
    total = len(kind)
    plan = _plans(
        kind, nature, parameters.plans.misfit_sd * random.standard_normal(total), plans, parameters
    )
    length = np.array(magnitudes.commitment_weeks)[kind]
    tenure = np.maximum(FIRST_WEEK - start_week, 0)
    terms = np.ceil((tenure + 1) / np.maximum(length, 1)).astype(np.int64)
    # Terms are renewed until one is not; after that there is no commitment any more.
    held = 1 + np.floor(np.log(1 - random.random(total)) / np.log(magnitudes.renewed_share))
    commit_end = start_week + np.minimum(terms, held.astype(np.int64)) * length
    committed = nature.committed(kind, parameters)
    commit_end = np.where(committed & (length > 0), commit_end, NO_WEEK)
    promoted = (random.random(total) < np.array(magnitudes.promotion_share)[kind]) & ~nature.is_iot
    promo_weeks = random.choice(np.array([26, 39, 52]), total)
    refreshed = (tenure > promo_weeks) & (random.random(total) < 0.35)
    promo_end = np.where(
        refreshed, FIRST_WEEK + random.integers(-20, 52, total), start_week + promo_weeks
    )
    promo_end = np.where(promoted & (promo_end > start_week), promo_end, NO_WEEK)
    device_age = np.minimum(random.gamma(2.0, 38.0, total), 400)
    amounts = np.array(parameters.recharge.amounts)
    return {
        "plan": plan,
        "commit_end": commit_end,
        "promo_end": promo_end,
        "discount": np.where(
            promo_end > NO_WEEK,
            magnitudes.promotion_discount * random.choice(np.array([0.6, 1.0, 1.4]), total),
            0,
        ),
        "instalments": (kind == POSTPAID)
        & (commit_end > NO_WEEK)
        & (random.random(total) < magnitudes.instalment_share),
        "device_week": np.maximum(start_week, FIRST_WEEK) - np.floor(device_age).astype(np.int64),
        "is_5g": random.random(total) < np.clip(0.85 - device_age / 300, 0.05, 0.9),
        "recharge": amounts[
            np.clip(
                np.rint(1.2 + 0.9 * nature.level + 0.5 * random.standard_normal(total)), 0, 5
            ).astype(np.int64)
        ],
    }


def _plans(
    kind: Array, nature: Nature, noise: Array, plans: PlanCatalogue, parameters: Parameters
) -> Array:
    """The plan that each line begins with: the fitting one, or one some steps off."""
    plan = np.zeros(len(kind), dtype=np.int64)
    for line in range(len(LINES)):
        of_line = np.flatnonzero(kind == line)
        offered, size = plans.first_of(line), plans.count_of(line)
        allowance = np.nan_to_num(
            plans.data_gb[offered : offered + size],
            nan=2.5 * np.nanmax(parameters.plans.data_gb[min(line, 2)]),
        )
        fit = (
            np.searchsorted(allowance[:-1], nature.base_data[of_line] * 4.3)
            if line != TV
            else np.full(len(of_line), 1.2)
        )
        plan[of_line] = offered + np.clip(np.rint(fit + 0.25 + noise[of_line]), 0, size - 1).astype(
            np.int64
        )
    return plan
