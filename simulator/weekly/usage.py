"""Network quality that lines experience, and their usage, week by week."""

from dataclasses import dataclass

import numpy as np

from features.contracts.vocabulary import APP_EVENTS
from simulator.weekly.daily_usage import WeekOfUse, emit_days
from simulator.weekly.week import Week
from simulator.world.calendar import DAY, MINUTE, NO_WEEK, season
from simulator.world.draws import Array, whole
from simulator.world.parameters import BROADBAND, PREPAID, TV


@dataclass(frozen=True)
class Quality:
    """The network as each line had it in a week.

    Parameters
    ----------
    bad : (n,) float32
        How bad its quality was: 0 is usual, 1 clearly degraded.
    outage : (n,) float64
        Minutes without service.
    """

    bad: Array
    outage: Array


def experience(week: Week) -> Quality:
    """Apply the week's network quality to lines."""
    magnitudes = week.parameters.satisfaction
    lines, state = week.population.lines, week.state
    bad = week.network.badness(week.number)[state.cell] + lines.cell_factor.astype(np.float32)
    down, badly = week.network.outage_minutes(week.number)
    outage = np.where(lines.kind == TV, 0.6, 1.0) * down[state.cell]
    outage = np.floor(outage * week.uniform("outage share") * 2).clip(0, 10_080)
    active = week.active()

    fresh = np.isnan(state.net_past)
    state.net_past = np.where(fresh, bad, 0.95 * state.net_past + 0.05 * bad).astype(np.float32)
    state.net_now = (0.6 * state.net_now + 0.4 * (bad - state.net_past)).astype(np.float32)
    fading = week.parameters.network.outage_remembered_a_week * state.outage
    state.outage = np.where(active, np.maximum(fading, outage / 120), 0.0).astype(np.float32)
    worse = np.clip(state.net_now, -0.5, 3.0)
    felt = magnitudes.degraded * np.maximum(worse, 0) + magnitudes.level * np.clip(bad, -1.5, 3)
    outage_felt = (
        magnitudes.outage * np.minimum(outage / 240, 2.0) * np.where(badly[state.cell], 1.7, 1.0)
    )
    lines_here = np.maximum(week.by_customer(active), 1)
    week.shock -= week.by_customer(felt * active) / lines_here + week.most_by_customer(
        outage_felt * active
    )
    service = week.parameters.service
    week.contact_rate[:, 1] += service.on_degraded * week.most_by_customer(
        np.maximum(worse, 0) * active
    )
    week.contact_rate[:, 1] += service.on_outage * week.most_by_customer(
        np.minimum(outage / 240, 2) * active
    )
    week.contact_rate[:, 2] += (
        0.5
        * service.on_degraded
        * week.most_by_customer(np.maximum(worse, 0) * (active & (lines.kind >= BROADBAND)))
    )
    return Quality(bad, outage)


def probe(week: Week, quality: Quality) -> None:
    """Emit what probes and counters measured of the week's network quality."""
    lines, state = week.population.lines, week.state
    bad, active = quality.bad, week.active()
    strength = np.exp(0.75 * np.clip(bad, -2, 3.5))
    mobile = lines.mobile
    drops = whole(
        np.where(mobile, 0.9, 0.5) * strength * np.exp(0.5 * week.normal("drops") - 0.125),
        week.uniform("drop"),
    )
    drop_days = np.minimum(
        np.minimum(drops, whole(0.72 * drops.astype(np.float64), week.uniform("drop days"))), 7
    )
    drop_days = np.maximum(drop_days, drops > 0)
    failed = whole(
        0.5 * strength * np.exp(0.6 * week.normal("failures") - 0.18), week.uniform("failure")
    )
    noise = week.normal("probes")
    mos = np.clip(4.15 - 0.22 * bad + 0.12 * noise, 1, 4.6)
    failing = np.isin(
        week.population.customers.region, week.parameters.population.probe_failing_regions
    )[lines.customer]
    no_calls = (lines.base_minutes < 4) | ~mobile | (week.uniform("no calls") < 0.04)
    mos = np.where(no_calls | (failing & (week.number % 9 < 7)), np.nan, mos)
    speed = np.where(
        mobile, np.where(state.device_5g, 95, 38), np.where(lines.kind == BROADBAND, 210, np.nan)
    )
    throughput = speed * np.exp(-0.28 * bad + 0.22 * week.normal("speed"))
    latency = np.where(mobile, 38, 14) * np.exp(0.16 * bad + 0.15 * noise)
    congestion = np.clip(0.14 + 0.11 * bad + 0.05 * week.normal("congestion"), 0, 1)
    missing = week.uniform("probe missing")
    started = np.flatnonzero(active & (lines.start_at <= week.start))
    at = np.full(len(started), week.end, dtype=np.int64)
    week.rows.add(
        "network_weeks",
        lines.number[started],
        at,
        subscription_id=started,
        week_start_at=at - 7 * DAY,
        drop_days=drop_days[started],
        drops=drops[started],
        failed_setups=failed[started],
        voice_quality_mos=mos[started],
        throughput_peak_mbps=np.where(missing < 0.05, np.nan, throughput)[started],
        latency_ms=np.where(missing < 0.03, np.nan, latency)[started],
        outage_minutes=quality.outage[started],
        home_congestion=np.where(missing > 0.93, np.nan, congestion)[started],
    )


def use(week: Week) -> None:
    """Compute the week's usage of lines, and emit it."""
    magnitudes = week.parameters.usage
    lines, state = week.population.lines, week.state
    active = week.active()
    state.usage_wave = (
        magnitudes.memory * state.usage_wave + magnitudes.noise_sd * week.normal("use")
    ).astype(np.float32)
    _turn_to_other_sim(week)
    level = np.exp(
        state.usage_wave
        + lines.trend * min(week.number, 104)
        + np.where(lines.kind >= BROADBAND, 1.6, 1.0) * magnitudes.season * season(week.number)
        - 0.04 * np.clip(state.net_now, 0, 3)
    )
    level *= _decline(week) * _share_of_week(week)
    idle = state.idle_weeks > 0
    level = np.where(idle, 0.0, level)
    minutes = np.round(lines.base_minutes * level * np.exp(0.25 * week.normal("talk")), 1)
    data = np.round(lines.base_data * level, 2)
    used = (minutes > 0) | (data > 0.01)
    intensity = (
        level
        * np.where(lines.kind == PREPAID, 0.8, 1.6)
        * (1 + np.log1p(lines.base_data + lines.base_minutes / 15))
    )
    empty = np.exp(-np.clip(intensity, 0, 20))
    zero_days = np.where(used, np.minimum(whole(7 * empty, week.uniform("zero days")), 6), 7)
    usual = 0.9 * state.use_level + 0.1 * np.log1p(data + minutes / 15).astype(np.float32)
    state.use_level = np.where(active & ~idle, usual, state.use_level).astype(np.float32)

    tail = (
        np.floor(week.uniform("last use").astype(np.float64) ** 2 * (1 + zero_days) * 144).astype(
            np.int64
        )
        * 10
        * MINUTE
    )
    stop = np.where(state.quiet_from > week.start, np.minimum(week.end, state.quiet_from), week.end)
    last = (
        np.maximum(stop - 10 * MINUTE - tail, np.maximum(week.start, state.start_at))
        // (10 * MINUTE)
        * (10 * MINUTE)
    )
    last_before = state.last_used
    state.last_used = np.where(active & used, np.maximum(last, state.last_used), state.last_used)

    allowance, minutes_allowance = week.plans.data_gb[state.plan], week.plans.minutes[state.plan]
    unused = np.clip(1 - data * 30 / 7 / allowance, 0, 1)
    state.unused = np.where(
        active & ~np.isnan(unused), 0.9 * state.unused + 0.1 * unused, state.unused
    ).astype(np.float32)
    overage = _overage(week, data, minutes, allowance, minutes_allowance)
    travels = (
        week.uniform("roaming")
        < magnitudes.roaming_chance * (1.4 + season(week.number + 26)) * lines.mobile
    )
    roaming = np.where(travels & used, 1 + np.floor(6 * week.uniform("roaming days")), 0).astype(
        np.int64
    )
    started = np.flatnonzero(active & (state.start_at < week.end))
    at = np.full(len(started), week.end, dtype=np.int64)
    mobile = lines.mobile[started]
    week.rows.add(
        "usage_weeks",
        lines.number[started],
        at,
        subscription_id=started,
        week_start_at=at - 7 * DAY,
        minutes=np.where(mobile, minutes[started], np.nan),
        data_gb=data[started],
        zero_use_days=zero_days[started],
        last_used_at=state.last_used[started],
        unused_allowance=unused[started],
        overage=overage[started],
        roaming_days=roaming[started],
    )
    if week.daily_usage:
        emit_days(
            week,
            WeekOfUse(
                lines=started,
                minutes=np.where(mobile, minutes[started], np.nan),
                data_gb=data[started],
                overage=overage[started],
                zero_use_days=zero_days[started],
                roaming_days=roaming[started],
                used=used[started],
                last_used=state.last_used[started],
                last_before=last_before[started],
                data_allowance_gb=allowance[started],
            ),
        )


def _turn_to_other_sim(week: Week) -> None:
    """Let dual-SIM prepaid users leave a line idle for some weeks, and come back."""
    magnitudes = week.parameters.usage
    lines, state = week.population.lines, week.state
    state.idle_weeks = np.maximum(state.idle_weeks - 1, 0).astype(np.int8)
    draw = week.uniform("other SIM")
    turns = (
        (lines.kind == PREPAID)
        & (draw < magnitudes.idle_chance * np.where(lines.dual_sim, 1.0, 0.25))
        & (state.idle_weeks == 0)
    )
    weeks = 1 + np.floor(draw / magnitudes.idle_chance * 997 % 1 * magnitudes.idle_weeks_most)
    state.idle_weeks = np.where(turns, weeks, state.idle_weeks).astype(np.int8)


def _decline(week: Week) -> Array:
    """Factor of usage for lines that waver, whether they leave later or not."""
    state = week.state
    wavers = state.wavering_to != NO_WEEK
    length = np.maximum(state.wavering_to - state.wavering_from + 1, 1)
    progress = np.clip((week.number - state.wavering_from + 1) / length, 0, 1)
    return np.where(wavers & state.declines, 1 - 0.7 * progress, 1.0)


def _share_of_week(week: Week) -> Array:
    """Share of the week in which a line is used: from its start to its last use."""
    state = week.state
    begin = np.clip((week.end - state.start_at) / (7 * DAY), 0, 1)
    stops = state.quiet_from > 0
    end = np.where(stops, np.clip((state.quiet_from - week.start) / (7 * DAY), 0, 1), 1.0)
    return begin * end


def _overage(
    week: Week, data: Array, minutes: Array, allowance: Array, minutes_allowance: Array
) -> Array:
    """Charge usage beyond the month's allowance; prepaid lines are cut off instead."""
    lines, state = week.population.lines, week.state
    state.cycle_data += data
    state.cycle_minutes += minutes.astype(np.float32)
    over_data = np.minimum(
        np.maximum(np.nan_to_num(state.cycle_data - allowance, nan=0.0), 0), data
    )
    over_minutes = np.minimum(
        np.maximum(np.nan_to_num(state.cycle_minutes - minutes_allowance, nan=0.0), 0), minutes
    )
    overage = np.round(
        over_data * week.plans.over_gb[state.plan]
        + over_minutes * week.plans.over_minute[state.plan],
        2,
    )
    overage = np.where(lines.kind == PREPAID, 0.0, np.minimum(overage, 60))
    state.cycle_overage += overage * week.active()
    return overage


def visit(week: Week) -> None:
    """Let customers use app and web, and emit these events."""
    customers, state = week.population.customers, week.state
    present = week.by_customer(week.active()) > 0
    wavers = week.by_customer(state.wavering_to != NO_WEEK) > 0
    rises = week.by_customer(state.price_rise + state.promo_over > 0.2) > 0
    digital = customers.digital * present
    chances = {
        "login": 0.42 * digital,
        "bill_page": 0.05 * digital,
        "plan_page": digital * (0.022 + 0.05 * rises + 0.12 * wavers),
        "cancel_page": digital
        * (0.0035 + 0.010 * rises + 0.16 * wavers)
        * np.where(state.c_satisfaction < -0.5, 1.6, 1.0),
        "rating": 0.004 * digital,
    }
    for event, chance in chances.items():
        who = np.flatnonzero(week.uniform_by_customer(event) < chance)
        number = customers.number[who]
        stars = np.full(len(who), -1)
        if event == "rating":
            mood = state.c_satisfaction[who] + 1.6 * (
                week.draws.at("stars", number, week.number) - 0.4
            )
            stars = np.clip(np.rint(3.6 + 1.1 * mood), 1, 5).astype(np.int64)
        code = np.full(len(who), APP_EVENTS.index(event))
        at = week.random_time(event, number)
        week.rows.add(
            "app_events", number * 8 + code, at, customer_id=who, event=code, rating=stars
        )
