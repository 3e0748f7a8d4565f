"""SQL of regions and cells on a Monday: what subscriptions are compared with that week.

Both are taken over everybody in service, whoever history is kept of.
"""

from features.sql.days import known_use
from features.sql.weeks import RECENT_DAYS, known_weeks, mean, selection, summary_of

_USAGE = {"minutes": "minutes", "data_gb": "data_gb"}
_NETWORK = {"throughput": "throughput_peak_mbps", "latency": "latency_ms", "drops": "drops"}


def region_baselines(monday: str) -> str:
    """SQL of the relation ``region_baselines``: what is usual in a region for a product line.

    It reads `population` at that Monday (see `features.compute.population`).

    Parameters
    ----------
    monday : str
        SQL of the Monday, the same for all rows.

    Returns
    -------
    str
        monday, region, product_line, and the medians over subscriptions of their weekly means over
        28 days: minutes, data_gb, throughput, latency, drops.
    """
    # Medians of parallel means differ in the last bits; what is stored must not.
    medians = {name: f"round(median({name}), 9)" for name in (*_USAGE, *_NETWORK)}
    return f"""
    WITH usage AS ({_means(known_use(monday, tuple(_USAGE.values()), RECENT_DAYS), monday, _USAGE)}),
    network AS ({_means(_network_weeks(monday), monday, _NETWORK)})
    SELECT {monday} AS monday, region, product_line, {selection(medians)}
    FROM population
    LEFT JOIN usage USING (subscription_id)
    LEFT JOIN network USING (subscription_id)
    WHERE region IS NOT NULL
    GROUP BY region, product_line
    ORDER BY ALL
    """


def cell_regions(monday: str) -> str:
    """SQL of the relation ``cell_regions``: the region that most lines at home in a cell belong to.

    It reads `population` at that Monday (see `features.compute.population`).

    Parameters
    ----------
    monday : str
        SQL of the Monday, the same for all rows.

    Returns
    -------
    str
        monday, cell_id, region; of equally many, the region that is first in the alphabet.
    """
    return f"""
    SELECT {monday} AS monday, home_cell_id AS cell_id, region
    FROM population
    WHERE home_cell_id IS NOT NULL AND region IS NOT NULL
    GROUP BY home_cell_id, region
    QUALIFY row_number() OVER (PARTITION BY home_cell_id ORDER BY count(*) DESC, region) = 1
    ORDER BY ALL
    """


def _network_weeks(monday: str) -> str:
    return known_weeks("network_weeks", monday, tuple(_NETWORK.values()), RECENT_DAYS)


def _means(rows: str, monday: str, columns: dict[str, str]) -> str:
    return summary_of(
        rows, monday, {name: mean(column, RECENT_DAYS) for name, column in columns.items()}
    )
