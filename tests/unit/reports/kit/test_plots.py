import io
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from PIL import Image
from scipy.stats import binomtest

from features.encoding.encoding import Column, Encoding
from models.reasons.explain import Explanation
from reports.kit import plots
from training.evaluation.folds import Split
from training.flat.crossval import OutOfFold
from training.flat.evaluation import Evaluation, evaluate

NUMBER = Column(name="月租费", feature="c0", kind="number", why="")
CATEGORY = Column(name="plan", feature="plan", kind="category", why="", categories=("a", "b"))


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


def test_all_plots_by_file_name(evaluation: Evaluation) -> None:
    figures = plots.plots(evaluation)
    assert sorted(figures) == ["gain.png", "lift.png", "reliability.png", "roc.png"]
    stream = io.BytesIO()
    figures["gain.png"].savefig(stream, format="png")
    assert np.ptp(np.asarray(Image.open(stream))) > 0


def test_strongest_features_first_and_none_that_hardly_contributes() -> None:
    explanation = Explanation(0.0, np.array([[0.1, -3.0, 0.0, 0.001], [0.1, 1.0, 0.0, -0.001]]))
    assert plots.strongest_features(explanation).tolist() == [1, 0]
    many = Explanation(0.0, np.tile(np.arange(1.0, 41.0), (2, 1)))
    assert plots.strongest_features(many).tolist() == list(range(39, 39 - plots.DRIVERS, -1))


@pytest.mark.parametrize(
    "contributions", [[[-0.2, 3.0]], [[0.5, 0.7]], [[-0.5, -0.01]], [[0.0, 0.0]], [[0.006, -0.005]]]
)
def test_the_scale_holds_all_contributions_and_zero(contributions: list[list[float]]) -> None:
    low, high = plots.contribution_range(Explanation(0.0, np.array(contributions)))
    assert low < min(0, *contributions[0])
    assert high > max(0, *contributions[0])
    ticks = plots.contribution_ticks((low, high))
    assert len(ticks) >= 2
    assert min(abs(tick) for tick in ticks) == pytest.approx(0, abs=1e-12)
    assert all(low <= tick <= high for tick in ticks)


def test_dots_stand_at_their_contribution_in_their_value_s_colour() -> None:
    values = np.array([np.nan, *np.linspace(1, 100, 199)])
    contributions = np.linspace(-1, 1, 200)
    dots = _dots(plots.beeswarm_strip(contributions, values, NUMBER, (-1.1, 1.1)))
    offsets = np.asarray(dots.get_offsets())
    colours = dots.get_facecolor()
    # Missing values are drawn first.
    assert offsets[:, 0] == pytest.approx(contributions)
    assert colours[0] == pytest.approx(to_rgba(plots.MISSING))
    assert colours[1] == pytest.approx(to_rgba(plots.LOW))
    assert colours[-1] == pytest.approx(to_rgba(plots.HIGH))


def test_an_outlier_takes_no_colour_from_the_rest() -> None:
    values = np.array([*np.arange(100.0), 1e9])
    colours = np.asarray(
        _dots(plots.beeswarm_strip(np.zeros(101), values, NUMBER, (-1, 1))).get_facecolor()
    )
    assert colours[[98, 100]] == pytest.approx(np.tile(to_rgba(plots.HIGH), (2, 1)))
    assert len(np.unique(colours[10:90], axis=0)) > 60


def test_rare_values_keep_their_colour() -> None:
    values = np.array([0.0] * 99 + [1.0])
    colours = _dots(plots.beeswarm_strip(np.zeros(100), values, NUMBER, (-1, 1))).get_facecolor()
    assert colours[0] == pytest.approx(to_rgba(plots.LOW))
    assert colours[-1] == pytest.approx(to_rgba(plots.HIGH))


def test_categories_have_one_colour_since_their_codes_have_no_order() -> None:
    colours = _dots(
        plots.beeswarm_strip(np.zeros(4), np.array([0, 1, 0, np.nan]), CATEGORY, (-1, 1))
    ).get_facecolor()
    assert [tuple(colour) for colour in np.asarray(colours)[1:]] == [
        pytest.approx(to_rgba(plots.CATEGORY))
    ] * 3
    assert colours[0] == pytest.approx(to_rgba(plots.MISSING))


@pytest.mark.parametrize("values", [np.full(50, np.nan), np.full(50, 7.0)])
def test_a_feature_that_is_missing_or_the_same_everywhere_can_be_drawn(values: np.ndarray) -> None:
    dots = _dots(plots.beeswarm_strip(np.zeros(50), values, NUMBER, (-1, 1)))
    assert len(np.unique(np.asarray(dots.get_facecolor()), axis=0)) == 1


def test_dots_of_one_place_spread_over_the_strip_and_stay_within() -> None:
    contributions = np.array([0.0] * 60 + [0.5] * 30 + [0.9])
    heights = np.asarray(
        _dots(plots.beeswarm_strip(contributions, contributions, NUMBER, (-1, 1))).get_offsets()
    )[:, 1]
    crowd, half, single = np.ptp(heights[:60]), np.ptp(heights[60:90]), heights[90]
    assert np.abs(heights).max() < 0.5
    assert len(np.unique(heights[:60])) == 60
    assert half == pytest.approx(crowd / 2, rel=0.05)
    assert single == 0


def test_a_large_sample_is_thinned() -> None:
    contributions = np.random.default_rng(1).normal(size=5000)
    dots = _dots(plots.beeswarm_strip(contributions, contributions, NUMBER, (-5, 5)))
    assert len(dots.get_offsets()) == 1000  # type: ignore[arg-type]


def test_a_strip_is_transparent_where_there_is_no_dot() -> None:
    stream = io.BytesIO()
    plots.beeswarm_strip(np.zeros(3), np.arange(3.0), NUMBER, (-1, 1)).savefig(stream, format="png")
    image = Image.open(stream)
    assert image.size == (2 * plots.STRIP_WIDTH, 2 * plots.STRIP_HEIGHT)
    opacity = np.asarray(image)[:, :, 3]
    assert opacity[0, 0] == 0
    assert opacity.max() == 255


def test_the_bee_swarm_names_features_as_the_feature_store_does() -> None:
    random = np.random.default_rng(1)
    explanation = Explanation(0.0, random.normal(size=(50, 2)) * [1, 2])
    figure = plots.beeswarm_figure(
        explanation, random.integers(0, 2, (50, 2)).astype(float), Encoding((NUMBER, CATEGORY))
    )
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["plan", "c0"]
    assert len([item for item in axes.collections if isinstance(item, PathCollection)]) == 2


def _dots(figure: Figure) -> PathCollection:
    (axes,) = figure.axes
    (dots,) = axes.collections
    assert isinstance(dots, PathCollection)
    return dots


def _whiskers(lines: object) -> list[tuple[float, float]]:
    assert isinstance(lines, LineCollection)
    return [(float(segment[0][1]), float(segment[1][1])) for segment in lines.get_segments()]


def _legend(figure: Figure) -> list[str]:
    legend = figure.axes[0].get_legend()
    assert legend is not None
    return [text.get_text() for text in legend.get_texts()]
