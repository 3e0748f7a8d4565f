"""English templates of what is unusual about raw tables, by code (see `holdfast.sentences`)."""

from collections.abc import Mapping

TEMPLATES: Mapping[str, str] = {
    # when rows arrived
    "on_day": "on {day}",
    "in_days": "in the {days} days to {day}",
    "of_what_arrived": "of what arrived {when}",
    "of_rows_before": "of rows that were there before",
    # how many
    "rows": ("{seen:,.0f} rows arrived {when}, usually {usual:,.0f} ({low:,.0f} to {high:,.0f})"),
    "segment": (
        "{seen:,.0f} rows of {segment} {value} arrived {when}, usually {usual:,.0f}"
        " ({low:,.0f} to {high:,.0f})"
    ),
    "ids": (
        "{seen:,.0f} different values of {column} arrived {when}, usually {usual:,.0f}"
        " ({low:,.0f} to {high:,.0f})"
    ),
    "gap": (
        "nothing has arrived for {days:.0f} days; the longest time without rows was {longest:.0f}"
    ),
    "future": "{rows:,} rows claim to arrive after {day}",
    "no_table": "the table is not there",
    # what they hold
    "nulls": "{column}: {seen:.1%} are empty of what arrived {when}, usually {usual:.1%}",
    "zeros": "{column}: {seen:.1%} are 0 of what arrived {when}, usually {usual:.1%}",
    "values": (
        "{column}: {seen:.0%} of the rows that arrived {when} have other values than usual; {moved}"
    ),
    "moved": "{value} {share:.0%}, usually {usual:.0%}",
    "moved_hour": "{hour} o'clock {share:.0%}, usually {usual:.0%}",
    "value": "“{value}”",
    "one_value": "one value",
    "new_value": "{column}: {share:.0%} of rows have {value}, which was never seen before",
    "size": (
        "{column} is {times} times what is usual: {seen}, usually {usual} (geometric mean {of_what})"
    ),
    "lag": (
        "rows take {hours:.1f} hours to arrive, usually {usual:.1f} (geometric mean {of_what})"
    ),
    "orphans": (
        "{column}: {rows:,} of {all:,} rows lead to no row of {table}, usually {usual:.1%}"
    ),
    "unlisted": (
        "{column}: {rows:,} rows have values that are in no list and were never seen before,"
        " such as {value}; they are read as {became}"
    ),
    "empty": "empty",
    # what was there before
    "start": "the table begins {days} days later than it did",
    "lost": "{lost:,} of {before:,} rows that were there before are gone",
    "gained": (
        "{gained:,} rows claim to have arrived on earlier days and were not there then;"
        " there were {before:,}"
    ),
    "kept_nulls": (
        "{column}: {seen:.1%} are empty in rows that were there before; there {usual:.1%} were"
    ),
    "kept_zeros": (
        "{column}: {seen:.1%} are 0 in rows that were there before; there {usual:.1%} were"
    ),
    "keys": "{gone:,} of {all:,} values of {column} that were there before are gone",
    "kept_values": (
        "{column}: {seen:.0%} of the rows that were there before have other values; {moved}"
    ),
    "moved_before": "{value} {share:.0%}, before {usual:.0%}",
    # what was not accepted
    "quarantine": "{rows:,} of {all:,.0f} rows are in quarantine, mostly since {column} {rule}",
    "quarantine_lately": (
        "{rows:,} of {all:,.0f} rows that arrived {when} are in quarantine,"
        " mostly since {column} {rule}"
    ),
    "lines": "lines",
    # why a night stopped
    "table_is": "{table} is {verdict}: {reason}",
    "night_stopped": (
        "stopped, and nothing was replaced: {wrong}. Mend the table, or take it as it is with"
        " {accept}"
    ),
}
"""Every sentence of the reasons of a table's verdict, and of a night that tables stop."""
