"""The view `survey_live`: what a customer answered in surveys."""

from features.sql.expressions import days_between
from features.sql.known_rows import MOMENTS, moments, rows_within
from features.views.declaration import LESS_IS_WORSE, MORE_IS_WORSE, NEVER, Shared, View

_ANSWER = Shared(driver="relationship", tables=("survey_answers",), null=NEVER, live=True)
# A low answer is one that care can come back to, so the answers are actionable; their age is not.
_GIVEN = _ANSWER.but(actionable=True)
_CSAT = _ANSWER.but(null="no such CSAT answer in 182 days")

# fmt: off
VIEW = View("survey_live", "customer", (
    _CSAT.field("last_csat", "points of 5", "last_answer",
                "Last overall CSAT answer of 182 days, on a scale of 1 to 5", actionable=True,
                **LESS_IS_WORSE),
    _CSAT.field("days_since_csat", "days", "answer_age", "Since that answer"),
    _GIVEN.field("last_nps", "points of 10", "last_answer",
                 "Last NPS answer of 182 days, on a scale of 0 to 10",
                 null="no NPS answer in 182 days", **LESS_IS_WORSE),
    _GIVEN.field("last_ces", "points of 7", "last_answer",
                 "Last CES answer of 182 days, on a scale of 1 to 7",
                 null="no CES answer in 182 days"),
    _GIVEN.field("low_answers_182d", "answers", "last_answer",
                 "Answers of 182 days in the lowest quarter of their scale, such as 1 and 2 of 5",
                 **MORE_IS_WORSE),
    _ANSWER.field("days_since_answer", "days", "answer_age",
                  "Since the last answer of 182 days to any question",
                  null="no answer in 182 days"),
))
# fmt: on


def query(asked: str) -> str:
    """SQL of the view's features.

    Parameters
    ----------
    asked : str
        A relation with the columns customer_id and cutoff.

    Returns
    -------
    str
        One row for each row of `asked`: its columns, then the view's, not rounded.
    """
    columns = """
        t.happened_at, t.invitation_id, t.instrument, t.dimension,
        CASE WHEN t.scale_high <> t.scale_low THEN (t.score - t.scale_low) / (t.scale_high - t.scale_low) END AS share
    """
    last = "arg_max({'share': share, 'at': happened_at}, (happened_at, invitation_id))"
    return f"""
    WITH {MOMENTS} AS ({moments("customer_id", asked)}),
    answers AS ({rows_within("survey_answers", "customer_id", columns, 182)}),
    answer AS (
        SELECT
            customer_id,
            cutoff,
            {last} FILTER (instrument = 'csat' AND dimension = 'overall') AS csat,
            {last} FILTER (instrument = 'nps' AND dimension = 'overall') AS nps,
            {last} FILTER (instrument = 'ces' AND dimension = 'overall') AS ces,
            count(*) FILTER (share <= 0.25) AS low_182d,
            max(happened_at) AS last_at
        FROM answers
        GROUP BY customer_id, cutoff
    )
    SELECT
        a.customer_id,
        a.cutoff,
        1 + 4 * answer.csat.share AS last_csat,
        {days_between("answer.csat.at", "a.cutoff")} AS days_since_csat,
        10 * answer.nps.share AS last_nps,
        1 + 6 * answer.ces.share AS last_ces,
        coalesce(answer.low_182d, 0) AS low_answers_182d,
        {days_between("answer.last_at", "a.cutoff")} AS days_since_answer
    FROM {asked} AS a
    LEFT JOIN answer ON answer.customer_id = a.customer_id AND answer.cutoff = a.cutoff
    """
