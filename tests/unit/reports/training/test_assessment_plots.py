import io
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex

from reports.training import assessment_plots as plots
from tests.builders.assessments import assessment, calibration, operator_model
from training.evaluation.assessment import horizon_name


def _segments(axes: Axes) -> list[tuple[tuple[float, ...], tuple[float, ...]]]:
    """Horizontal and vertical lines that show intervals, as pairs of x and of y."""
    segments = []
    for collection in axes.collections:
        for path in getattr(collection, "get_segments", list)():
            xs, ys = np.asarray(path).T
            segments.append((tuple(xs.round(9).tolist()), tuple(ys.round(9).tolist())))
    return segments


def test_every_head_has_its_figures_and_they_can_be_drawn() -> None:
    figures = plots.assessment_figures({horizon_name(days): assessment(days) for days in (30, 90)})
    assert set(figures) == {
        f"{kind}_{days}d.png" for kind in ("calibration", "decay") for days in (30, 90)
    }
    for figure in figures.values():
        stream = io.BytesIO()
        figure.savefig(stream, format="png", dpi=30)
        assert stream.getvalue().startswith(b"\x89PNG")


def test_a_head_without_horizon_slices_and_months() -> None:
    bare = assessment(None, slices={}, months=0, strata=(), champion=None)
    assert set(plots.assessment_figures({"": bare})) == {"calibration.png"}


def test_calibration_shows_every_decile_with_interval_and_bounds() -> None:
    reliability = calibration(12_000, 0.04)
    (axes,) = plots.calibration_figure(reliability).axes
    dots = [line for line in axes.lines if line.get_marker() == "o"]
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in dots] == [  # type: ignore[index]
        (decile.predicted, decile.observed) for decile in reliability.deciles
    ]
    assert {to_hex(line.get_color()) for line in dots} == {plots.MODEL}
    whiskers = [ys for xs, ys in _segments(axes)]
    assert whiskers == [pytest.approx((decile.low, decile.high)) for decile in reliability.deciles]
    low, high = axes.get_ylim()
    assert low == 0
    assert high >= max(max(decile.high, decile.joint_high) for decile in reliability.deciles)


def test_a_decile_outside_its_bounds_stands_out() -> None:
    (axes,) = plots.calibration_figure(calibration(12_000, 0.04, off=0.08)).axes
    colours = [to_hex(line.get_color()) for line in axes.lines if line.get_marker() == "o"]
    assert colours == [plots.MODEL] * 9 + [plots.RISK]


@pytest.mark.parametrize("rate", [0.001, 0.01, 0.05, 0.2, 0.27])
def test_marks_of_square_roots_are_round_and_stand_apart(rate: float) -> None:
    figure = plots.calibration_figure(calibration(20_000, rate))
    figure.canvas.draw()
    (axes,) = figure.axes
    texts = [label.get_text() for label in axes.get_xticklabels()]
    assert texts[0] == "0\xa0%"
    assert 3 <= len(set(texts)) == len(texts) <= 7
    boxes = [label.get_window_extent() for label in axes.get_xticklabels()]
    assert all(left.x1 < right.x0 for left, right in pairwise(boxes))


def test_decay_goes_by_months_and_skips_what_is_not_known() -> None:
    assessed = assessment(90, months=3)
    months = (*assessed.decay[:2], replace(assessed.decay[2], metrics={}))
    for metric, reference in (
        ("auc", assessed.metrics["auc"].value),
        ("observed_over_expected", 1.0),
    ):
        (axes,) = plots.decay_figure(replace(assessed, decay=months), metric).axes
        dots, dashes = axes.lines
        assert np.asarray(dots.get_xdata()).tolist() == [4.0, 5.0]
        assert np.asarray(dots.get_ydata()).tolist() == [
            month.metrics[metric].value for month in months[:2]
        ]
        assert list(dashes.get_ydata()) == [reference, reference]


def test_tuning_shows_finished_trials_the_default_and_the_chosen_one() -> None:
    tuned = operator_model().tuned
    (axes,) = plots.tuning_figure(tuned).axes
    finished = [trial for trial in tuned.trials if not trial.pruned]
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in axes.lines] == [  # type: ignore[index]
        (trial.leaves, trial.log_loss) for trial in finished
    ]
    chosen = [line for line in axes.lines if line.get_label() == "best trial"]
    assert [line.get_ydata()[0] for line in chosen] == [0.1421]  # type: ignore[index]
    alone = plots.tuning_figure(replace(tuned, trials=tuned.trials[:1]))
    assert [line.get_label() for line in alone.axes[0].lines] == ["best trial"]
