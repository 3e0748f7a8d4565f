"""The raw tables that an operator maps its own data onto, as pandera schemas.

Every row says when it happened and when it arrived, both in UTC: a feature as of a time is
computed from the rows that had arrived by then, whatever became known later. Ids are strings,
leading zeros kept. There are two kinds of table:

- an *event* table has one row per thing that happened; a row with the same key that arrives later
  corrects the earlier one;
- a *state* table has one row per change: the row with the latest `happened_at` holds until the next
  one.

Only `customers` and `subscriptions` are required. A table that is absent disables the features it
feeds, by name.
"""

from features.contracts.care import CARE
from features.contracts.do import DO
from features.contracts.feel import FEEL
from features.contracts.money import MONEY
from features.contracts.schema import Table
from features.contracts.service import SERVICE
from features.contracts.vocabulary import ARRIVED, HAPPENED
from features.contracts.who import WHO

__all__ = ["ARRIVED", "HAPPENED", "TABLES", "Table"]

TABLES: dict[str, Table] = {
    table.name: table for table in (*WHO, *DO, *MONEY, *SERVICE, *FEEL, *CARE)
}
"""All contracts by table name, in the order of the data dictionary."""
