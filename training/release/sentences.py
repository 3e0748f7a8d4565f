"""English templates of the gate's sentences, by code (see `holdfast.sentences`)."""

from collections.abc import Mapping

TEMPLATES: Mapping[str, str] = {
    # where a sentence belongs
    "of_horizon": "{days} days: {what}",
    "of_stratum": "{stratum}: {what}",
    "interval": "{low:.4f} to {high:.4f}",
    "signed_interval": "{low:+.4f} to {high:+.4f}",
    "interval_unknown": "unknown",
    # complete
    "missing": "{place} is missing",
    "not_made_by_train": "{place} is missing: the version was not made by `holdfast train`",
    "unreadable": "{place}: {rule}",
    "unreadable_value": "{place}: {rule} (got {value})",
    "of_another_version": "{place} is not that of the version",
    "no_horizon": "{document} assesses {horizon!r}, which is no horizon",
    "another_horizon": "{place} is of another horizon: {days}",
    "no_interval": "{place} has no interval: {low} to {high}",
    "not_resampled": "{place} was not resampled: its interval has no width",
    "slices_do_not_add_up": "slices by {column} do not add up to all rows",
    "calibrated_on_other_rows": "calibration was evaluated on other rows than the rest",
    "strata_cover": "calibration by stratum was evaluated on {rows:,} of {all:,} rows",
    "few_deciles": "there must be at least {fewest} deciles, not {deciles}",
    # nothing_found
    "nothing_found": (
        "nothing was found: at no horizon do the whole intervals of AUC and of the lift at care's capacity"
        " lie above those of a random order"
    ),
    # positives and months
    "positives": "{positives} positives in the test period; at least {fewest} are needed",
    "positive_customers": "{positives} customers with a positive in the test period; at least {fewest} are needed",
    "months": (
        "the cut-offs of the test period span {days} days; at least {fewest} are needed ({setting})"
    ),
    # better_than_constant
    "auc_not_above_half": "AUC {interval} is not clearly above 0.5",
    "loss_not_below_constant": (
        "log loss minus that of the share among the training rows, {interval}, is not clearly below 0"
    ),
    # champion
    "compared_with_none": (
        "it was compared with no champion, but version {champion} is champion now: train again"
    ),
    "compared_with_other": (
        "it was compared with version {other}, but version {champion} is champion now: train again"
    ),
    "not_compared": (
        "it was not compared with the champion, version {champion}, on the same rows: {why}"
    ),
    "figures_missing": "its figures are missing",
    "other_service": "it reads feature service {theirs}, not {ours}",
    "features_gone": "it reads features that no longer exist: {features}",
    "without_horizons": "it has no horizon of {days} days",
    "learnt_from_test": "it learnt from outcomes of this test period: train with --test-from {until} or later",
    "worse_than_champion": (
        "{metric} minus that of the champion, {interval}, is clearly worse than 0"
    ),
    # refit
    "refit_not_compared": "what was fitted again was not compared with what was evaluated",
    "refit_predicts_worse": (
        "what was fitted again predicts worse than what was evaluated, on rows that neither learnt from:"
        " log loss {after:.5f} against {before:.5f}, at most {most} times as much is accepted"
    ),
    "refit_has_fewer_trees": (
        "what was fitted again has {after:,} trees, and what was evaluated {before:,}: with more rows trees"
        " have more leaves, and boosters are left out beyond those that the gate allows"
    ),
    "refit_ranks_otherwise": (
        "what was fitted again ranks otherwise than what was evaluated: rank correlation {correlation:.2f},"
        " at least {least} is needed"
    ),
    "refit_moves_slice": (
        "what was fitted again moves the risk where {column} is {value} {shift:.2f} times as much as that of"
        " all rows; at most {most} either way is accepted"
    ),
    # calibration
    "too_high": (
        "observed over expected {low:.4f} to {high:.4f} lies wholly outside {lowest} to {highest}:"
        " probabilities are too high"
    ),
    "too_low": (
        "observed over expected {low:.4f} to {high:.4f} lies wholly outside {lowest} to {highest}:"
        " probabilities are too low"
    ),
    "level_too_high": (
        "observed over expected {low:.4f} to {high:.4f} lies wholly outside {lowest} to {highest}:"
        " probabilities are too high for this test period; whether in others is not judged, and"
        " their level is assumed"
    ),
    "level_too_low": (
        "observed over expected {low:.4f} to {high:.4f} lies wholly outside {lowest} to {highest}:"
        " probabilities are too low for this test period; whether in others is not judged, and"
        " their level is assumed"
    ),
    "level_not_covered": (
        "{covered} of {origins} earlier bands held the level that came, too few for bands of 90 %: the"
        " level is assumed"
    ),
    "too_extreme": (
        "calibration slope {low:.4f} to {high:.4f} lies wholly outside {lowest} to {highest}:"
        " probabilities are too extreme"
    ),
    "too_cautious": (
        "calibration slope {low:.4f} to {high:.4f} lies wholly outside {lowest} to {highest}:"
        " probabilities are too cautious"
    ),
    "decile": (
        "decile {rank} from the top: {observed:.4f} observed where {predicted:.4f} was predicted,"
        " outside {low:.4f} to {high:.4f}: what chance explains, beyond the tolerated"
        " {tolerance:.0%}"
    ),
    # slices
    "slice_worse_than_champion": (
        "{column} {value}: much worse than the champion, log loss {interval}"
    ),
    "slice_worse_than_constant": (
        "{column} {value}: much worse than the share among the training rows, log loss {interval}"
    ),
    # explanations
    "cost_not_measured": "the cost of explaining was not measured",
    "cost_too_high": (
        "explaining visits {leaves:,} leaves; at most {most:,} are allowed ({setting})"
    ),
    "cost_of_others": "{document} holds {recorded} leaves, but the boosters have {leaves:,}",
    "additivity_not_checked": "that explanations add up to the margin was not checked",
    "explanations_miss": "explanations miss the margin by {error:g} log-odds",
    "explanations_of_an_empty_row_miss": (
        "explanations of an empty row miss the margin by {error:g} log-odds"
    ),
    # leaks
    "flagged": (
        "the leak watch flags {column} ({kinds}), and it was not explained"
        " (--explain-flag '{column}=REASON')"
    ),
    "flagged_as_a_whole": (
        "the leak watch flags the whole table or model ({kinds}), and it was not explained"
        " (--explain-flag '{column}=REASON')"
    ),
    # readiness
    "scored_outside": "an empty row is scored {probabilities}; it must be in 0 to 1",
    "not_scored": "an empty row cannot be scored: {error}",
    "not_online": (
        "no feature can be read online: {error}; run `holdfast features build` and"
        " `holdfast features materialize`"
    ),
    "missing_online": (
        "feature missing online: {features}; run `holdfast features build` and"
        " `holdfast features materialize`"
    ),
    "columns_of_definition": (
        "columns changed since training: the definition of {service} comes {changes}; train again"
    ),
    "columns_online": (
        "columns changed since training: {service} online comes {changes}; train again"
    ),
    "without": "without {features}",
    "with_new": "with new {features}",
    "without_and_with_new": "without {gone} and with new {new}",
    "in_another_order": "in another order",
    "and_more": "{first} and {more} more",
}
"""Every sentence of `training.release.gate` and `training.release.readiness`."""
