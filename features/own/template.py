"""A first file of a feature of one's own, to be filled in."""

from pathlib import Path

from features.views.declaration import OWN_PREFIX
from holdfast.errors import InputError

_TOML = """\
# Features of your own, beside {name}.sql. `holdfast features check` says what is wrong with them.
# The guide explains every key: docs/guides/features.md, "A feature of your own".

entity = "subscription"        # what one row is about: subscription or customer
tables = ["recharges"]         # raw tables that the SQL reads, all of them

[features.own_{name}_28d]      # the name begins with own_
about = "Recharges in 28 days"
unit = "recharges"             # or: share, days, currency, yes or no, ...
driver = "usage"               # network, price, service, contract, usage or relationship
actionable = false             # whether care can change it
churn = "none"                 # how the risk moves when the value grows: increasing, decreasing, none
dissatisfaction = "none"
data_class = "none"            # none, traffic or location: at least that of what the SQL reads
null = "never null"            # what a missing value means; or: not known; or: no recharge in 28 days
reason = "recharge"            # a reason of ours, or own_..., which then has a name below
lines = ["prepaid"]            # lines that it can apply to: postpaid, prepaid, fixed
minimum = 0                    # left out where there is no bound
form = {{ kind = "amount", show = "count" }}   # of its sentences: amount, change, ratio, until or flag

[words.en.own_{name}_28d]
null = "It is not known how often the line was topped up"
none = "No top-up in the last four weeks"
some = "{{value}} top-ups in the last four weeks"

[words.zh-Hans.own_{name}_28d]
null = "充值次数未知"
none = "最近四周没有充值"
some = "最近四周充值{{value}}次"
"""

_SQL = """\
-- asked has one row for each subscription: subscription_id, customer_id, account_id, household,
-- home_cell_id, product_line, billing_type, plan_id, region and cutoff, the time to look from.
-- Raw tables show the rows that had arrived by then, as far back as 182 days.
SELECT
    asked.subscription_id,
    count(recharges.subscription_id) AS own_{name}_28d
FROM asked
LEFT JOIN recharges
  ON recharges.subscription_id = asked.subscription_id
 AND recharges.happened_at > asked.cutoff - INTERVAL 28 DAY
GROUP BY asked.subscription_id
"""


def write_template(directory: Path, name: str) -> tuple[Path, Path]:
    """Write a first TOML file and its SQL, which pass the check as they are.

    Raises
    ------
    InputError
        The name is none, or a file of that name is there.
    """
    toml = directory / f"{name}.toml"
    sql = toml.with_suffix(".sql")
    if (
        not name.isascii()
        or not name.replace("_", "a").isalnum()
        or name.lower() != name
        or name[:1].isdigit()
    ):
        raise InputError(
            "NAME", "must consist of small letters, digits and underscores, a letter first", name
        )
    if name.startswith(OWN_PREFIX):
        raise InputError("NAME", f"must not begin with {OWN_PREFIX}, which is added", name)
    for path in (toml, sql):
        if path.exists():
            raise InputError("NAME", f"must be that of no file in {directory}", path.name)
    directory.mkdir(parents=True, exist_ok=True)
    sql.write_text(_SQL.format(name=name), encoding="utf-8")
    toml.write_text(_TOML.format(name=name), encoding="utf-8")
    return toml, sql
