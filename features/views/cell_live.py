"""The view `cell_live`: network incidents that hit a cell."""

from features.sql.expressions import days_between, within
from features.views.declaration import MORE_IS_WORSE, NOT_KNOWN, Shared, View

_INCIDENT = Shared(
    driver="network",
    tables=("incidents",),
    null=NOT_KNOWN,  # of a subscription without a cell at home
    actionable=True,
    live=True,
    data_class="location",
)

# fmt: off
VIEW = View("cell_live", "cell", (
    _INCIDENT.field("incidents_28d", "incidents", "incident",
                    "Incidents begun in 28 days that hit the cell: its own, its region's, the"
                    " nation's", **MORE_IS_WORSE),
    _INCIDENT.field("incident_hours_91d", "hours", "incident",
                    "Hours of such incidents in 91 days, up to now where they last",
                    **MORE_IS_WORSE),
    _INCIDENT.field("days_since_incident", "days", "incident",
                    "Since the last such incident of 182 days began", null="no such incident in 182 days"),
))
# fmt: on


def query(asked: str) -> str:
    """SQL of the view's features.

    It reads the relation ``cell_regions(monday, cell_id, region)``: in which region each cell lay
    at each Monday 00:00 that is the newest one at some cut-off.

    Parameters
    ----------
    asked : str
        A relation with the columns cell_id and cutoff.

    Returns
    -------
    str
        One row for each row of `asked`: its columns, then the view's, not rounded.
    """
    ended = "least(state.ended_at, cutoff)"
    hours = f"greatest({days_between('state.started_at', ended)} * 24, 0)"
    return f"""
    WITH cutoffs AS (SELECT DISTINCT cutoff FROM {asked}),
    latest AS (
        SELECT
            m.cutoff,
            arg_max(
                {{'level': t.level, 'area_id': t.area_id, 'started_at': t.started_at, 'ended_at': t.ended_at}},
                (t.happened_at, t.arrived_at)
            ) AS state
        FROM cutoffs AS m
        JOIN incidents AS t ON t.arrived_at <= m.cutoff
        GROUP BY m.cutoff, t.incident_id
    ),
    areas AS (
        SELECT
            cutoff,
            state.level AS level,
            CASE WHEN state.level <> 'nation' THEN state.area_id END AS area_id,
            count(*) FILTER ({within("state", "cutoff", 28, "started_at")}) AS incidents_28d,
            sum({hours}) FILTER ({within("state", "cutoff", 91, "started_at")}) AS hours_91d,
            max(state.started_at) AS last_at
        FROM latest
        WHERE {within("state", "cutoff", 182, "started_at")}
        GROUP BY ALL
    )
    SELECT
        a.cell_id,
        a.cutoff,
        coalesce(cell.incidents_28d, 0) + coalesce(region.incidents_28d, 0) + coalesce(nation.incidents_28d, 0)
            AS incidents_28d,
        coalesce(cell.hours_91d, 0) + coalesce(region.hours_91d, 0) + coalesce(nation.hours_91d, 0) AS incident_hours_91d,
        {days_between("greatest(cell.last_at, region.last_at, nation.last_at)", "a.cutoff")} AS days_since_incident
    FROM {asked} AS a
    LEFT JOIN cell_regions AS home ON home.cell_id = a.cell_id AND wall_week(home.monday) = wall_week(a.cutoff)
    LEFT JOIN areas AS cell ON cell.level = 'cell' AND cell.area_id = a.cell_id AND cell.cutoff = a.cutoff
    LEFT JOIN areas AS region ON region.level = 'region' AND region.area_id = home.region AND region.cutoff = a.cutoff
    LEFT JOIN areas AS nation ON nation.level = 'nation' AND nation.cutoff = a.cutoff
    """
