"""English templates of what a night says of itself, by code (see `holdfast.sentences`)."""

from collections.abc import Mapping

OF_NIGHTS: Mapping[str, str] = {
    # doubts
    "table_doubt": "{table} is {verdict}: {reason}; {used}",
    "table_doubt_alone": "{table} is {verdict}; {used}",
    "used_yesterdays": "yesterday's rows are used",
    "used_tonights": "tonight's rows are used: there are no others",
    "used_none": "no rows are used",
    "older_than_scores": "the snapshot is older than scores that stand, those of {day}",
    "not_taken_in": "the raw tables of night {number} were not taken in: {why}",
    # steps
    "no_raw_tables": "no raw tables were given; the raw store is used as it is",
    "taken_in": "{rows:,} rows in {tables} tables, {quarantined:,} quarantined",
    "taken_in_needlessly": (
        "{rows:,} rows in {tables} tables, {quarantined:,} quarantined;"
        " --accept was not needed for {needless}"
    ),
    "built": "snapshot {day}, {built} of {all} computed",
    "materialized": "{records:,} records written, {skipped} views were there already",
    "nobody_scored": "nobody was scored: {why}",
    "not_scored": "{model} {why}",
    "scored": "{scored}; changed scores: {changed}",
    "scored_by": "{entities:,} by {model} {version} ({alias})",
    "changed": "{model} {counts}",
    "changed_count": "{count:,} {kind}",
    "none": "none",
    "removed": "{rows:,} raw rows, and {files:,} files and folders, were kept for long enough and went",
    "kept_all": "nothing was kept for long enough to go",
    "scores_by": "scores by {models}",
    "no_scores": "no scores",
    # errors
    "unexpected": "unexpected {kind}: {error}",
}
"""Sentences of a night's steps, doubts and errors."""
