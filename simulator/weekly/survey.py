"""Surveys: invitations by a known design, answers by choice, scores by satisfaction and mood."""

import numpy as np
from scipy.special import expit, ndtri

from features.contracts.vocabulary import CONTACT_CHANNELS, DIMENSIONS, INSTRUMENTS, TOUCHPOINTS
from simulator.weekly.service import Contacts
from simulator.weekly.week import Week
from simulator.world.calendar import DAY, HOUR
from simulator.world.draws import Array, pick
from simulator.world.parameters import SurveyParameters

_CSAT, _NPS, _CES = range(len(INSTRUMENTS))
_TOUCHPOINT_OF = np.array(
    [
        TOUCHPOINTS.index(name)
        for name in ("phone", "phone", "bot", "chat", "none", "app", "store", "none")
    ]
)
_QUARTER_WEEKS = 13


def ask(week: Week, contacts: Contacts) -> None:
    """Invite customers, about the relationship and about their contacts, and take their answers."""
    _ask_about_relationship(week)
    _ask_about_contacts(week, contacts)


def _willing(week: Week, who: Array, mood: Array) -> Array:
    """Probability that an invited customer answers."""
    magnitudes, customers = week.parameters.survey, week.population.customers
    old = np.array([-0.6, -0.5, -0.3, -0.1, 0.1, 0.4, 0.6, 0.5])[customers.age[who]]
    tenure = np.clip((week.start - customers.first_seen_at[who]) / (5 * 365 * DAY), 0, 1)
    score = (
        magnitudes.answer_base
        + magnitudes.answer_app * (customers.digital[who] - 0.5)
        + magnitudes.answer_old * old
        + magnitudes.answer_language * (customers.language[who] > 0)
        + 0.3 * tenure
        + magnitudes.answer_extreme * np.minimum(mood**2 - 1, 3)
        - magnitudes.answer_angry * mood
        + customers.answer_effect[who]
    )
    return expit(score)


def _ask_about_relationship(week: Week) -> None:
    """Invite customers once per quarter, each in a week of its own."""
    magnitudes, customers, state = week.parameters.survey, week.population.customers, week.state
    turn = np.floor(_QUARTER_WEEKS * week.draws.at("survey week", customers.number)).astype(
        np.int64
    )
    due = (turn == week.number % _QUARTER_WEEKS) & (week.by_customer(week.active()) > 0)
    due &= ~state.c_no_surveys & ~state.c_no_contact & (customers.join_week < week.number - 4)
    pool = np.flatnonzero(due)
    new = customers.join_week[pool] > week.number - 52
    design = np.array(magnitudes.invited_a_quarter)[customers.segment[pool]] * np.where(
        new, magnitudes.new_customer_factor, 1.0
    )
    design = np.minimum(np.round(design, 4), 1.0)
    invited = week.draws.at("invited", customers.number[pool], week.number) < design
    who, design = pool[invited], design[invited]
    number = customers.number[who]
    key = (number * 10_000 + week.number) * 4
    at = week.random_time("invitation", number, 5)
    reminded = week.draws.at("reminder", key) < magnitudes.reminded_share
    nothing = np.full(len(who), -1)
    delivered = _invite(
        week,
        key,
        who,
        design,
        at,
        0,
        np.zeros(len(who), dtype=np.int64),
        nothing,
        nothing,
        reminded,
    )
    mood = state.c_satisfaction[who] + magnitudes.noise_sd * ndtri(
        week.draws.at("mood of the day", key)
    )
    willing = _willing(week, who, mood)
    at_first = delivered & (week.draws.at("answers", key) < willing)
    at_last = at_first | (
        delivered & (week.draws.at("answers a reminder", key) < magnitudes.reminder * willing)
    )
    week.truth.add(
        "invitations",
        key,
        at,
        invitation_id=key,
        customer_id=who,
        score=_csat(magnitudes, mood),
        answers=at_first,
        answers_if_reminded=at_last,
    )
    answers = at_first | (reminded & at_last)
    hours = 0.1 + 60 * week.draws.at("answer when", key) ** 2 + np.where(at_first, 0, 24 * 7)
    when = (at + (hours * HOUR).astype(np.int64) // 1_000_000 * 1_000_000)[answers]
    who, key, mood, at = who[answers], key[answers], mood[answers], at[answers]
    _answer(week, key, who, when, 0, _CSAT, "overall", mood)
    _answer(week, key, who, when, 0, _NPS, "overall", mood)
    line = week.main_line()[who]
    network = np.where(line >= 0, -np.nan_to_num(state.net_past[line] + state.net_now[line]), 0)
    price = (
        -(state.price_rise[line] + state.promo_over[line])
        - 1.5 * state.a_shock[customers.account[who] - customers.number[0]]
    )
    service = -0.8 * state.c_unresolved[who]
    about = {
        "attitude": 0.3 * service,
        "response_speed": 0.9 * service,
        "quality": 0.6 * network,
        "support": 0.8 * service,
        "network_stability": 0.9 * network,
        "price_transparency": 0.8 * price,
    }
    for place, (dimension, part) in enumerate(about.items()):
        own = 0.6 * mood + part + 0.7 * ndtri(week.draws.at(f"about {dimension}", key))
        given = week.draws.at("questions", key, place) < 0.8
        _answer(week, key[given], who[given], when[given], 0, _CSAT, dimension, own[given])


def _ask_about_contacts(week: Week, contacts: Contacts) -> None:
    magnitudes, state = week.parameters.survey, week.state
    touchpoint = _TOUCHPOINT_OF[contacts.channel]
    invited = (
        (touchpoint > 0)
        & ~contacts.abandoned
        & ~state.c_no_surveys[contacts.customer]
        & ~state.c_no_contact[contacts.customer]
    )
    invited &= week.draws.at("asked", contacts.key) < magnitudes.after_contact
    who, contact = contacts.customer[invited], contacts.key[invited]
    number = week.population.customers.number[who]
    # One invitation per week about contacts: the first.
    _, first = np.unique(number, return_index=True)
    who, contact, number = who[first], contact[first], number[first]
    touchpoint, line = touchpoint[invited][first], contacts.line[invited][first]
    at = contacts.closed_at[invited][first] + HOUR
    key = (number * 10_000 + week.number) * 4 + 1
    design = np.full(len(who), magnitudes.after_contact)
    delivered = _invite(
        week, key, who, design, at, 1, touchpoint, line, contact, np.full(len(who), -1)
    )
    mood = (
        contacts.experience[invited][first]
        + 0.45 * state.c_satisfaction[who]
        + 0.7 * ndtri(week.draws.at("mood after", key))
    )
    answers = delivered & (week.draws.at("answers", key) < _willing(week, who, mood))
    who, key, mood = who[answers], key[answers], mood[answers]
    when = (
        at[answers]
        + ((0.05 + 30 * week.draws.at("answer when", key) ** 3) * HOUR).astype(np.int64)
        // 1_000_000
        * 1_000_000
    )
    _answer(week, key, who, when, 1, _CSAT, "overall", mood)
    _answer(
        week, key, who, when, 1, _CES, "support", mood + 0.5 * ndtri(week.draws.at("effort", key))
    )
    for dimension in ("attitude", "response_speed"):
        _answer(
            week,
            key,
            who,
            when,
            1,
            _CSAT,
            dimension,
            0.8 * mood + 0.6 * ndtri(week.draws.at(f"about {dimension}", key)),
        )


def _invite(
    week: Week,
    key: Array,
    who: Array,
    design: Array,
    at: Array,
    survey: int,
    touchpoint: Array,
    line: Array,
    contact: Array,
    reminded: Array,
) -> Array:
    digital = week.population.customers.digital[who]
    weights = np.stack([np.full(len(who), 0.5), 0.4 * np.ones(len(who)), 0.9 * digital], axis=1)
    channel = pick(week.draws.at("survey channel", key), weights)
    delivered: Array = (
        week.draws.at("survey delivered", key) < np.array([0.97, 0.88, 0.93])[channel]
    )
    week.rows.add(
        "survey_invitations",
        key,
        at,
        invitation_id=key,
        customer_id=who,
        subscription_id=line,
        interaction_id=contact,
        survey=np.full(len(who), survey),
        channel=np.array([CONTACT_CHANNELS.index(name) for name in ("sms", "email", "app")])[
            channel
        ],
        touchpoint=touchpoint,
        sampling_probability=design,
        delivered=delivered,
        reminder_drawn=reminded,
    )
    return delivered


def _csat(magnitudes: SurveyParameters, feeling: Array) -> Array:
    """Score from 1 to 5 by how a customer feels on the day."""
    return 1 + np.searchsorted(np.array(magnitudes.csat_edges), feeling)


def _answer(
    week: Week,
    key: Array,
    who: Array,
    at: Array,
    survey: int,
    instrument: int,
    dimension: str,
    feeling: Array,
) -> None:
    magnitudes = week.parameters.survey
    if instrument == _CSAT:
        score, low, high = _csat(magnitudes, feeling), 1, 5
    elif instrument == _NPS:
        score, low, high = (
            np.clip(np.floor(magnitudes.nps_middle + magnitudes.nps_slope * feeling), 0, 10),
            0,
            10,
        )
    else:
        score, low, high = np.clip(np.floor(5.3 + 1.2 * feeling), 1, 7), 1, 7
    week.rows.add(
        "survey_answers",
        key,
        at,
        invitation_id=key,
        customer_id=who,
        survey=np.full(len(who), survey),
        instrument=np.full(len(who), instrument),
        dimension=np.full(len(who), DIMENSIONS.index(dimension)),
        score=np.asarray(score, dtype=np.float64),
        scale_low=float(low),
        scale_high=float(high),
    )
