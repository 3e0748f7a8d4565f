"""A service without the home's own features that a version was not trained on."""

from features.online.layout import OnlineLayout, OnlineView


def layout(*views: tuple[str, tuple[str, ...]]) -> OnlineLayout:
    return OnlineLayout(
        "churn_v1",
        "subscription_id",
        tuple(OnlineView(name, "subscription_id", columns, 8.0) for name, columns in views),
        None,
        None,
    )


def test_own_features_that_came_later_are_left_out_and_ours_stay() -> None:
    ours, first, second = (
        ("usage", ("a", "b")),
        ("own_x", ("own_c", "own_d")),
        ("own_y", ("own_e",)),
    )
    full = layout(ours, first, second)
    assert full.narrowed(("a", "b", "own_c", "own_d", "own_e")) is full
    assert full.narrowed(("a", "b", "own_d")) == layout(ours, ("own_x", ("own_d",)))
    # What is missing of ours is no matter of a home's: whoever serves the version refuses it.
    assert full.narrowed(()) == layout(ours)
