"""How `holdfast models list` prints versions, at every width."""

import pytest

from commands.models import _print_versions
from pipeline.promote import ListedVersion

AUC = {"value": 0.7412, "low": 0.7203, "high": 0.7598}
NAMES = ("average_precision", "log_loss", "lift_top_decile", "slope")
FIGURES = {"auc": AUC} | {name: {"value": number + 0.1234} for number, name in enumerate(NAMES)}


def version(number: str, *aliases: str) -> ListedVersion:
    return ListedVersion(
        name="churn",
        number=number,
        aliases=aliases,
        gate="passed",
        made_at="2025-06-30T02:00:00+00:00",
        horizon_days=90,
        figures=FIGURES,
    )


@pytest.mark.parametrize("width", [40, 80, 100, 120, 200])
def test_no_figure_is_cut(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    _print_versions([version("12", "challenger", "champion"), version("11", "previous")], [])
    printed = capsys.readouterr().out
    assert "…" not in printed
    for text in ("0.7412", "0.7203 to 0.7598", "passed", "2025-06-30", "champion", "previous"):
        assert text in printed
    for number in range(len(NAMES)):
        assert printed.count(f"{number}.1234") == 2
    # Where there is room, it is one table with a row for each version.
    row = next(line for line in printed.splitlines() if "challenger" in line)
    assert ("3.1234" in row) == (width >= 200)
