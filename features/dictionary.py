"""The data dictionary in Markdown: every raw table with its columns, and every feature."""

import re
from itertools import groupby
from typing import Any

import pyarrow as pa

from features.contracts.tables import TABLES, Table
from features.fields import BUILT_IN, FeatureCatalogue
from features.views.declaration import Feature, is_own

_TYPES = {
    pa.string(): "text",
    pa.int64(): "whole number",
    pa.float64(): "number",
    pa.bool_(): "yes or no",
    pa.timestamp("us", "UTC"): "time",
}

_READING = """\
A column that may be null may be absent too; further columns are ignored. Ids are text of 1 to 120
characters, leading zeros kept. Times carry an offset or `Z`, lie in the years 1900 to 2261, and
`arrived_at` never lies before `happened_at`. Numbers are finite; amounts are in the operator's own
currency, tax included.

An **event** table has one row per thing that happened; a row with the same key that arrives later
corrects it. A **state** table has one row per change; the one with the latest `happened_at` holds
until the next. No two rows of an event table share key and `arrived_at`; no two of a state table
share key, `happened_at` and `arrived_at`.
"""


def raw_tables_section() -> str:
    """The dictionary's section on raw tables, group by group."""
    lines = ["## Raw tables", "", _READING]
    for group, tables in groupby(TABLES.values(), key=lambda table: table.group):
        lines += [f"### {group[0].upper()}{group[1:]}", ""]
        for table in tables:
            lines += _table(table)
    return "\n".join(lines)


_FEATURES = """\
Windows reach back from the cut-off: `_28d` is the 28 days up to it. Weekly tables have a day to
arrive: their windows end a day before. `_vs_own` compares the last 28 days with the same
subscription's 22 weeks before them, `_vs_region` with the median of its region and product line. A
count is 0 where its tables are there and nothing happened; a mean, ratio or last value is null
where it has no rows. A week without a row is unknown.

*Null* is what a missing value means: a fact by the contracts of its tables, such as "no minimum term";
"not known", where it can mean that nothing is known; or "never null", where there is always a value.
Where a table is absent, nothing is known of the features that need it.

*Direction* is how the risk of churn, or of dissatisfaction, can move when the value grows, where
that can be argued.
"""


def features_section(catalogue: FeatureCatalogue = BUILT_IN) -> str:
    """The dictionary's section on features, view by view.

    Parameters
    ----------
    catalogue : FeatureCatalogue
        The features. Default: ours alone.
    """
    lines = ["## Features", "", _FEATURES]
    for view in catalogue.views.values():
        services = ", ".join(
            f"`{name}`" for name, views in catalogue.services.items() if view.name in views
        )
        live = " · live" if view.name.endswith("_live") else ""
        own = " · the home's own, computed by the night alone" if is_own(view.name) else ""
        lines += [f"### {view.name}", "", f"by {view.entity} · in {services}{live}{own}", ""]
        columns = (
            "feature",
            "unit",
            "driver",
            "actionable",
            "churn",
            "dissatisfaction",
            "reason",
            "data class",
            "needs",
            "null",
            "meaning",
        )
        lines += [
            f"| {' | '.join(columns)} |",
            f"|{' --- |' * len(columns)}",
            *map(_feature, view.features),
            "",
        ]
    return "\n".join(lines)


def _feature(feature: Feature) -> str:
    directions = (
        "" if direction == "none" else direction
        for direction in (feature.churn, feature.dissatisfaction)
    )
    cells = [
        f"`{feature.name}`",
        feature.unit,
        feature.driver,
        "yes" if feature.actionable else "",
        *directions,
    ]
    cells += [feature.reason, "" if feature.data_class == "none" else feature.data_class]
    return f"| {' | '.join([*cells, ', '.join(feature.tables), feature.null, feature.about])} |"


def _table(table: Table) -> list[str]:
    needed = "required" if table.required else "optional"
    key = ", ".join(f"`{name}`" for name in table.key)
    facts = f"{table.kind} · key {key} · {needed} · for {table.use}"
    rows = [
        "| column | type | unit | null | rule | data class | meaning |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    rows += [_column(name, column) for name, column in table.schema.columns.items()]
    return [f"#### {table.name}", "", f"{table.about}.", "", facts, "", *rows, ""]


def _column(name: str, column: Any) -> str:
    metadata = column.metadata
    stated_above = ("year", "finite", *(("length",) if metadata["unit"] == "id" else ()))
    rules = [
        re.sub(r"^must (be|lie) ", "", str(check.error))
        for check in column.checks
        if check.name not in stated_above
    ]
    if metadata["references"] is not None:
        rules.append(f"found in `{metadata['references']}`")
    data_class = "" if metadata["data_class"] == "none" else metadata["data_class"]
    cells = [
        f"`{name}`",
        _TYPES[metadata["arrow"]],
        metadata["unit"],
        "yes" if column.nullable else "no",
    ]
    cells += ["; ".join(rules), data_class, column.description]
    return f"| {' | '.join(cells)} |"
