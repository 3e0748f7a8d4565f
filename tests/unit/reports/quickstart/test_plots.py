import io
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from PIL import Image
from scipy.stats import binomtest

from reports.quickstart import plots
from training.evaluation.folds import Split
from training.flat.crossval import OutOfFold
from training.flat.evaluation import Evaluation, evaluate


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    random = np.random.default_rng(1)
    probability = random.beta(1, 3, 2000)
    label = (random.random(2000) < probability).astype(float)
    everyone = np.arange(2000)
    return evaluate(
        label,
        OutOfFold(
            (Split(0, everyone, everyone),), margin=probability[None], calibrated=probability[None]
        ),
    )


def test_the_gain_curve_runs_from_nobody_to_everybody_with_wilson_intervals(
    evaluation: Evaluation,
) -> None:
    picked, gain, low, high = plots.gain_curve(evaluation)
    assert picked == pytest.approx(np.linspace(0, 1, 11))
    assert gain[1:] == pytest.approx([decile.gain for decile in evaluation.deciles])
    assert [gain[0], low[0], high[0], gain[-1], low[-1], high[-1]] == [0, 0, 0, 1, 1, 1]
    leavers = sum(decile.positives for decile in evaluation.deciles)
    interval = binomtest(
        round(sum(d.positives for d in evaluation.deciles[:3])), round(leavers)
    ).proportion_ci(method="wilson")
    assert (low[3], high[3]) == pytest.approx((interval.low, interval.high))
    assert np.all((low <= gain) & (gain <= high))


def test_lift_bars_and_whiskers_are_the_deciles(evaluation: Evaluation) -> None:
    (axes,) = plots.lift_figure(evaluation).axes
    assert [bar.get_height() for bar in axes.patches] == [
        decile.lift for decile in evaluation.deciles
    ]  # type: ignore[attr-defined]
    assert [text.get_text() for text in axes.texts] == [
        f"{decile.lift:.2f}" for decile in evaluation.deciles
    ]
    assert _whiskers(axes.collections[0]) == [
        (decile.lift_low, decile.lift_high) for decile in evaluation.deciles
    ]
    assert axes.get_ylim()[1] > max(decile.lift_high for decile in evaluation.deciles)


def test_reliability_shows_every_bin_with_its_whole_interval(evaluation: Evaluation) -> None:
    (axes,) = plots.reliability_figure(evaluation).axes
    points, diagonal = axes.lines
    assert np.asarray(points.get_xdata()).tolist() == [
        group.predicted for group in evaluation.reliability
    ]
    assert np.asarray(points.get_ydata()).tolist() == [
        group.observed for group in evaluation.reliability
    ]
    assert np.asarray(diagonal.get_xdata()).tolist() == np.asarray(diagonal.get_ydata()).tolist()
    assert _whiskers(axes.collections[0]) == [
        (group.low, group.high) for group in evaluation.reliability
    ]
    assert axes.get_ylim()[1] >= max(group.high for group in evaluation.reliability)


def test_the_roc_curve_is_thinned_but_keeps_its_ends(evaluation: Evaluation) -> None:
    assert len(evaluation.roc[0]) > 300
    (axes,) = plots.roc_figure(evaluation).axes
    curve, tenth, _ = axes.lines
    x, y = np.asarray(curve.get_xdata()), np.asarray(curve.get_ydata())
    assert len(x) <= 300
    assert (x[0], y[0], x[-1], y[-1]) == (0, 0, 1, 1)
    top = evaluation.deciles[0]
    stayers = evaluation.rows * (1 - evaluation.positive_rate)
    assert (tenth.get_xdata()[0], tenth.get_ydata()[0]) == pytest.approx(
        ((top.rows - top.positives) / stayers, top.gain)
    )  # type: ignore[index]


def test_a_spread_is_named_only_where_there_is_one(evaluation: Evaluation) -> None:
    assert evaluation.auc_sd is None
    alone = _legend(plots.roc_figure(replace(evaluation, auc=0.84321)))
    spread = _legend(plots.roc_figure(replace(evaluation, auc=0.84321, auc_sd=0.0129)))
    assert (alone[0], spread[0]) == ("model, AUC 0.843", "model, AUC 0.843 ± 0.013")


def test_all_plots_by_name(evaluation: Evaluation) -> None:
    figures = plots.evaluation_figures(evaluation)
    assert sorted(figures) == ["gain", "lift", "reliability", "roc"]
    stream = io.BytesIO()
    figures["gain"].savefig(stream, format="png")
    assert np.ptp(np.asarray(Image.open(stream))) > 0


def _whiskers(lines: object) -> list[tuple[float, float]]:
    assert isinstance(lines, LineCollection)
    return [(float(segment[0][1]), float(segment[1][1])) for segment in lines.get_segments()]


def _legend(figure: Figure) -> list[str]:
    legend = figure.axes[0].get_legend()
    assert legend is not None
    return [text.get_text() for text in legend.get_texts()]
