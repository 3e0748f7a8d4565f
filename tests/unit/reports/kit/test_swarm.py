import io

import numpy as np
import pytest
from matplotlib.collections import PathCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from PIL import Image

from features.encoding.encoding import Column
from models.reasons.explain import Explanation
from reports.kit import swarm

NUMBER = Column(name="月租费", feature="c0", kind="number", why="", categories=())
CATEGORY = Column(name="plan", feature="plan", kind="category", why="", categories=("a", "b"))


def test_strongest_features_first_and_none_that_hardly_contributes() -> None:
    explanation = Explanation(0.0, np.array([[0.1, -3.0, 0.0, 0.001], [0.1, 1.0, 0.0, -0.001]]))
    assert swarm.strongest_features(explanation).tolist() == [1, 0]
    many = Explanation(0.0, np.tile(np.arange(1.0, 41.0), (2, 1)))
    assert swarm.strongest_features(many).tolist() == list(range(39, 39 - swarm.DRIVERS, -1))


@pytest.mark.parametrize(
    "contributions", [[[-0.2, 3.0]], [[0.5, 0.7]], [[-0.5, -0.01]], [[0.0, 0.0]], [[0.006, -0.005]]]
)
def test_the_scale_holds_all_contributions_and_zero(contributions: list[list[float]]) -> None:
    low, high = swarm.contribution_range(Explanation(0.0, np.array(contributions)))
    assert low < min(0, *contributions[0])
    assert high > max(0, *contributions[0])
    ticks = swarm.contribution_ticks((low, high))
    assert len(ticks) >= 2
    assert min(abs(tick) for tick in ticks) == pytest.approx(0, abs=1e-12)
    assert all(low <= tick <= high for tick in ticks)


def test_dots_stand_at_their_contribution_in_their_value_s_colour() -> None:
    values = np.array([np.nan, *np.linspace(1, 100, 199)])
    contributions = np.linspace(-1, 1, 200)
    dots = _dots(swarm.strip_figure(contributions, values, NUMBER, (-1.1, 1.1)))
    offsets = np.asarray(dots.get_offsets())
    colours = dots.get_facecolor()
    # Missing values are drawn first.
    assert offsets[:, 0] == pytest.approx(contributions)
    assert colours[0] == pytest.approx(to_rgba(swarm.MISSING))
    assert colours[1] == pytest.approx(to_rgba(swarm.LOW))
    assert colours[-1] == pytest.approx(to_rgba(swarm.HIGH))


def test_an_outlier_takes_no_colour_from_the_rest() -> None:
    values = np.array([*np.arange(100.0), 1e9])
    colours = np.asarray(
        _dots(swarm.strip_figure(np.zeros(101), values, NUMBER, (-1, 1))).get_facecolor()
    )
    assert colours[[98, 100]] == pytest.approx(np.tile(to_rgba(swarm.HIGH), (2, 1)))
    assert len(np.unique(colours[10:90], axis=0)) > 60


def test_rare_values_keep_their_colour() -> None:
    values = np.array([0.0] * 99 + [1.0])
    colours = _dots(swarm.strip_figure(np.zeros(100), values, NUMBER, (-1, 1))).get_facecolor()
    assert colours[0] == pytest.approx(to_rgba(swarm.LOW))
    assert colours[-1] == pytest.approx(to_rgba(swarm.HIGH))


def test_categories_have_one_colour_since_their_codes_have_no_order() -> None:
    colours = _dots(
        swarm.strip_figure(np.zeros(4), np.array([0, 1, 0, np.nan]), CATEGORY, (-1, 1))
    ).get_facecolor()
    assert [tuple(colour) for colour in np.asarray(colours)[1:]] == [
        pytest.approx(to_rgba(swarm.CATEGORY))
    ] * 3
    assert colours[0] == pytest.approx(to_rgba(swarm.MISSING))


@pytest.mark.parametrize("values", [np.full(50, np.nan), np.full(50, 7.0)])
def test_a_feature_that_is_missing_or_the_same_everywhere_can_be_drawn(values: np.ndarray) -> None:
    dots = _dots(swarm.strip_figure(np.zeros(50), values, NUMBER, (-1, 1)))
    assert len(np.unique(np.asarray(dots.get_facecolor()), axis=0)) == 1


def test_dots_of_one_place_spread_over_the_strip_and_stay_within() -> None:
    contributions = np.array([0.0] * 60 + [0.5] * 30 + [0.9])
    heights = np.asarray(
        _dots(swarm.strip_figure(contributions, contributions, NUMBER, (-1, 1))).get_offsets()
    )[:, 1]
    crowd, half, single = np.ptp(heights[:60]), np.ptp(heights[60:90]), heights[90]
    assert np.abs(heights).max() < 0.5
    assert len(np.unique(heights[:60])) == 60
    assert half == pytest.approx(crowd / 2, rel=0.05)
    assert single == 0


def test_a_large_sample_is_thinned() -> None:
    contributions = np.random.default_rng(1).normal(size=5000)
    dots = _dots(swarm.strip_figure(contributions, contributions, NUMBER, (-5, 5)))
    assert len(dots.get_offsets()) == 1000  # type: ignore[arg-type]


def test_a_strip_is_transparent_where_there_is_no_dot() -> None:
    stream = io.BytesIO()
    swarm.strip_figure(np.zeros(3), np.arange(3.0), NUMBER, (-1, 1)).savefig(stream, format="png")
    image = Image.open(stream)
    assert image.size == (2 * swarm.STRIP_WIDTH, 2 * swarm.STRIP_HEIGHT)
    opacity = np.asarray(image)[:, :, 3]
    assert opacity[0, 0] == 0
    assert opacity.max() == 255


def _dots(figure: Figure) -> PathCollection:
    (axes,) = figure.axes
    (dots,) = axes.collections
    assert isinstance(dots, PathCollection)
    return dots
