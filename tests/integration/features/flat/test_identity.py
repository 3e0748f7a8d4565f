"""A home that was published when a column still was a feature."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from features.flat.customers import Roles, read_customer_table
from features.flat.identity import TableIdentity, check_identity, record_identity
from features.tables.options import TableOptions
from holdfast.errors import HomeError
from holdfast.home import Home
from tests.builders.clocks import NOW


def test_a_feature_that_is_text_now_is_named_with_the_reason_and_what_to_do(
    tmp_path: Path,
    customer_table: Callable[..., pa.Table],
    csv_of: Callable[[pa.Table], Path],
) -> None:
    notes = [f"called {row} times" for row in range(400)]
    path = csv_of(customer_table(400).append_column("note", pa.array(notes)))
    roles = Roles(id="customer", target="left")
    customers = read_customer_table(path, roles, NOW)
    identity = TableIdentity.of(customers)
    home = Home(tmp_path / "home")
    home.root.mkdir()
    earlier = replace(identity, columns=sorted([*identity.columns, "note"]), published=True)
    record_identity(home, earlier)

    with pytest.raises(HomeError) as refused:
        check_identity(home, identity, customers.not_features)
    assert "this one comes without note" in str(refused.value)
    assert "no feature now: 'note': free text: no feature" in str(refused.value)
    assert 'set kind = "category" for it with --columns' in str(refused.value)

    options = TableOptions(answers={"note": {"kind": "category"}})
    answered = read_customer_table(path, roles, NOW, options)
    check_identity(home, TableIdentity.of(answered), answered.not_features)
