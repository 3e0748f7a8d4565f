"""How long raw rows and snapshots must be kept, so that no setting takes away what a night or a
training still needs.
"""

from features.retained.kept_since import WHOLE_AFTER_DAYS
from holdfast.errors import InputError
from pipeline.privacy.settings import RetentionSettings
from training.labelling.reach import days_of_raw_rows, days_of_snapshots
from training.settings import TrainingConfig

_LATE_DAYS = 7
"""A snapshot may be of some days ago, where raw tables came late."""


def require_long_enough(settings: RetentionSettings, training: TrainingConfig) -> None:
    """Refuse settings that are shorter than what features or labels need.

    Parameters
    ----------
    settings : RetentionSettings
        How long what is kept.
    training : TrainingConfig
        How labels are made and tests are split.

    Raises
    ------
    InputError
        Names the setting, what needs more and how much.
    """
    inactivity = training.labels.variable("inactivity_days")
    of_labels = f"gap, horizon, {inactivity} and test period"
    needs = {
        "raw_days": max(
            (WHOLE_AFTER_DAYS + _LATE_DAYS, f"features read {WHOLE_AFTER_DAYS} days of them"),
            (days_of_raw_rows(training), f"labels for training read them ({of_labels})"),
        ),
        "snapshots_days": (days_of_snapshots(training), f"training reads them ({of_labels})"),
    }
    for field, (least, why) in needs.items():
        days = getattr(settings, field)
        if days != "unlimited" and days < least:
            raise InputError(
                settings.variable(field), f"must be at least {least}, or unlimited: {why}", days
            )
