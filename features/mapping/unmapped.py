"""What of a mapped source does not reach the contracts, and what of the contracts nothing gives."""

from typing import Any

from features.intake.report import CheckReport
from features.mapping.source import MappedTables


def unmapped(source: MappedTables, report: CheckReport) -> dict[str, Any]:
    """What nothing maps, as a JSON object.

    Parameters
    ----------
    source : MappedTables
        The tables.
    report : CheckReport
        Their check.

    Returns
    -------
    dict
        ``relations``: of the source; ``columns``: written columns of mapped relations, by contract's
        table; ``contract_columns``: columns without a source, by contract's table; ``values``:
        categories that are in no list, what they are read as, and the rows that have them.
    """
    return {
        "relations": list(source.unknown()),
        "columns": {
            table.table: list(table.unknown_columns)
            for table in report.tables
            if table.unknown_columns
        },
        "contract_columns": {
            table.table: list(table.absent_columns)
            for table in report.tables
            if table.absent_columns
        },
        "values": [
            {
                "table": table.table,
                "column": one.column,
                "value": one.value,
                "became": one.became,
                "rows": one.rows,
            }
            for table in report.tables
            for one in table.replaced
            if one.rule == "category"
        ],
    }
