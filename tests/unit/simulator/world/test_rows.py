import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from simulator.world.calendar import DAY, START
from simulator.world.draws import Draws
from simulator.world.parameters import ArrivalParameters, Parameters
from simulator.world.rows import Rows

tables = st.sampled_from(sorted(Parameters().arrivals))


def _rows(seed: int, table: str, count: int) -> tuple[Rows, np.ndarray]:
    rows = Rows(Draws(seed, 0), Parameters().arrivals)
    happened = START + np.arange(count, dtype=np.int64) * DAY // 7
    rows.add(table, np.arange(count), happened, place=np.arange(count), kind=3)
    return rows, happened


@given(st.integers(0, 1000), tables, st.integers(1, 200))
def test_nothing_arrives_before_it_happens(seed: int, table: str, count: int) -> None:
    rows, _ = _rows(seed, table, count)
    for columns in rows.take(np.iinfo(np.int64).max).values():
        assert (columns["arrived_at"] > columns["happened_at"]).all()
        assert (columns["kind"] == 3).all()


@given(st.integers(0, 1000), tables, st.integers(2, 200), st.integers(0, 40))
def test_rows_arrive_once_through_a_checkpoint_too(
    seed: int, table: str, count: int, days: int
) -> None:
    rows, _ = _rows(seed, table, count)
    everything = _rows(seed, table, count)[0].take(np.iinfo(np.int64).max)
    early = rows.take(START + days * DAY)
    later = Rows(Draws(seed, 0), Parameters().arrivals)
    later.restore(rows.waiting())
    late = later.take(np.iinfo(np.int64).max)
    places = [taken[table]["place"] for taken in (early, late) if table in taken]
    expected = everything[table]["place"] if table in everything else np.array([])
    assert sorted(np.concatenate([np.array([]), *places])) == sorted(expected)
    if table in early:
        assert early[table]["arrived_at"].max() <= START + days * DAY


def test_a_row_is_late_or_lost_by_its_identity_alone() -> None:
    arrivals = {"bills": ArrivalParameters(lost_share=0.3, late_share=0.2)}
    happened = START + np.arange(500, dtype=np.int64) * DAY
    whole, part = Rows(Draws(1, 0), arrivals), Rows(Draws(1, 0), arrivals)
    whole.add("bills", np.arange(500), happened, place=np.arange(500))
    part.add("bills", np.arange(100, 500), happened[100:], place=np.arange(100, 500))
    taken = [rows.take(np.iinfo(np.int64).max)["bills"] for rows in (whole, part)]
    mine = taken[0]["place"] >= 100
    assert (taken[0]["place"][mine] == taken[1]["place"]).all()
    assert (taken[0]["arrived_at"][mine] == taken[1]["arrived_at"]).all()
    assert 250 < len(taken[0]["place"]) < 450
