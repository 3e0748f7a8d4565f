"""Reminders of surveys: drawn at random, they make some answer who else would not."""

import pandas as pd
import pyarrow.dataset as ds
import pytest

from simulator.engine.simulator import Simulator


@pytest.fixture(scope="module")
def invitations(two_months: Simulator) -> pd.DataFrame:
    """Invitations to relationship surveys, with the truth and what was answered."""
    tables = {
        name: ds.dataset(two_months.folder / name).to_table().to_pandas()
        for name in ("raw/survey_invitations", "truth/invitations", "raw/survey_answers")
    }
    sent = tables["raw/survey_invitations"]
    assert sent.loc[sent["survey"] == "transactional", "reminder_drawn"].isna().all()
    answers = tables["raw/survey_answers"]
    first = answers[
        (answers["survey"] == "relationship")
        & (answers["instrument"] == "csat")
        & (answers["dimension"] == "overall")
    ].set_index("invitation_id")
    joined = sent[sent["survey"] == "relationship"].merge(
        tables["truth/invitations"], on="invitation_id", suffixes=("", "_true")
    )
    assert (joined["customer_id"] == joined["customer_id_true"]).all()
    joined["answered"] = joined["invitation_id"].map(first["score"])
    return joined[joined["happened_at"] < joined["happened_at"].max() - pd.Timedelta(days=21)]


def test_reminders_are_drawn_for_half(invitations: pd.DataFrame) -> None:
    assert len(invitations) > 30
    assert 0.3 < invitations["reminder_drawn"].astype(bool).mean() < 0.7


def test_who_answers_follows_from_the_reminder_and_the_truth(invitations: pd.DataFrame) -> None:
    would = invitations["answers"].where(
        ~invitations["reminder_drawn"].astype(bool), invitations["answers_if_reminded"]
    )
    answered = invitations["answered"].notna()
    assert answered.sum() > 5
    assert (answered == would.astype(bool)).all()
    assert (invitations.loc[answered, "answered"] == invitations.loc[answered, "score"]).all()
    assert (invitations["answers_if_reminded"] >= invitations["answers"]).all()
    assert (invitations["answers_if_reminded"] > invitations["answers"]).any()
