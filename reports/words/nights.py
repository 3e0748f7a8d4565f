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
    "no_model_trained": "no model was trained yet",
    "never_trained": "was never trained",
    "no_champion_or_shadow": "has neither champion nor shadow",
    "no_champion_then_nothing": (
        "has neither champion nor shadow, and its last training, on {day}, found nothing: see {report}"
    ),
    "found_nothing": "has no version: its last training, on {day}, found nothing: see {report}",
    "scored": "{scored}; changed scores, one for each id and horizon: {changed}",
    "scored_by": "{entities:,} by {model} {version} ({alias})",
    "changed": "{model} {counts}",
    "changed_count": "{count:,} {kind}",
    "none": "none",
    "removed": "{rows:,} raw rows, and {files:,} files and folders, were kept for long enough and went",
    "kept_all": "nothing was kept for long enough to go",
    "scores_by": "scores by {models}",
    "no_scores": "no scores",
    "no_care": "no campaign was ever planned, and no consent was sent",
    "care_ran": (
        "{consents:,} new consents, {matured:,} decisions whose outcome is final, {measured:,}"
        " campaigns of which more is known; {campaigns}"
    ),
    "campaign_not_measured": "{campaign}: not measured: {why}",
    "no_nightly_campaign": "no campaign is approved in advance",
    "plan_approved": "{campaign}: {sent:,} messages approved by its rule",
    "plan_nobody": "{campaign}: nobody is left to be sent anything",
    "plan_waits": "{campaign}: the plan waits for a person: {why}",
    "plan_not_planned": "{campaign}: not planned: {why}",
    "rule_outdated": "the campaign, its action or its triggers are others than those approved",
    "approver_gone": "the key with which {person} approved it is revoked or over",
    "night_has_doubts": "the night has doubts",
    "care_may_not_run": "no care may run after this night",
    "ranked_by_shadow": "a model in shadow ranks it",
    "over_messages": "{sent:,} messages today are more than {most:,}",
    "over_cost": "a cost of {cost:,.2f} today is more than {most:,.2f}",
    "care_failed": "care was left out: {why}",
    "care_not_exported": "what our own care did was not given to the raw tables: {why}",
    # errors
    "unexpected": "unexpected {kind}: {error}",
}
"""Sentences of a night's steps, doubts and errors."""
