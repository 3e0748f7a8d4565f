"""SQL of a home's own features reads known rows, and nothing else."""

import re
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.own.sandbox import inspect_sql
from features.own.sql_text import plain_sql
from tests.builders.own_features import example_sql

PATH = Path("own/some.sql")
CONNECTION = duckdb.connect()


def rules(sql: str) -> list[str]:
    return [fault.rule for fault in inspect_sql(sql, PATH)[1]]


@pytest.mark.parametrize(
    "sql",
    [
        example_sql(),
        "SELECT subscription_id, 1 AS own_a FROM asked",
        "FROM asked SELECT subscription_id, nullif(1, 2) AS own_a",
        "WITH one AS (SELECT * FROM bills) SELECT account_id, max(amount) AS own_a FROM one GROUP BY 1",
        "SELECT subscription_id, lag(amount) OVER (PARTITION BY subscription_id ORDER BY happened_at) AS own_a FROM recharges",
        "SELECT a.subscription_id, u.x AS own_a FROM asked AS a, (SELECT unnest([1, 2]) AS x) AS u, range(3)",
        "SELECT subscription_id, amount::DOUBLE / 2 AS own_a FROM recharges UNION ALL SELECT '', 1",
        "SELECT subscription_id, CASE WHEN sum(amount) FILTER (amount > 1) > 2 THEN 1 END AS own_a FROM recharges GROUP BY ALL;",
        "SELECT subscription_id FROM asked WHERE subscription_id IN (SELECT subscription_id FROM recharges)",
    ],
)
def test_a_select_over_known_rows_is_taken(sql: str) -> None:
    assert rules(sql) == []


@pytest.mark.parametrize(
    ("sql", "rule"),
    [
        ("COPY asked TO 'out.csv'", "must be one SELECT"),
        ("SELECT 1; SELECT 2", "must be one SELECT"),
        ("SELECT 1; DROP TABLE asked", "must be one SELECT"),
        ("SET threads = 1", "must be one SELECT"),
        ("PRAGMA version", "must be one SELECT"),
        ("INSTALL httpfs", "must be one SELECT"),
        ("ATTACH 'x.db'", "must be one SELECT"),
        ("CREATE TABLE a AS SELECT 1", "must be one SELECT"),
        ("", "must be one SELECT"),
        ("SELECT", "must be one SELECT"),
        ("SELECT 1) UNION ALL (SELECT 2", "must be one SELECT"),
        ("DESCRIBE asked", "must read tables and subqueries alone"),
        ("SHOW TABLES", "must"),
        ("SELECT * FROM 'file.parquet'", "must read asked and the raw tables"),
        ('SELECT * FROM "/etc/passwd"', "must read asked and the raw tables"),
        ("SELECT * FROM port_requests", "must read asked and the raw tables"),
        ("SELECT * FROM churn_events", "must read asked and the raw tables"),
        ("SELECT * FROM usage_summaries", "must read asked and the raw tables"),
        ("SELECT * FROM asked_subscriptions", "must read asked and the raw tables"),
        ("SELECT * FROM held_recharges", "must read asked and the raw tables"),
        ("SELECT * FROM temp.recharges", "must read asked and the raw tables"),
        ("SELECT * FROM main.bills", "must read asked and the raw tables"),
        ("SELECT * FROM information_schema.tables", "must read asked and the raw tables"),
        ("SELECT * FROM duckdb_settings()", "must not read files"),
        ("SELECT * FROM read_csv('x')", "must not read files"),
        ("SELECT * FROM read_text('/etc/passwd')", "must not read files"),
        (
            "SELECT (SELECT max(content) FROM read_text('/etc/passwd')) AS own_a FROM asked",
            "must not read files",
        ),
        ("SELECT * FROM glob('*')", "must not read files"),
        ("SELECT * FROM query('SELECT 1')", "must not read files"),
        ("SELECT * FROM query_table('bills')", "must not read files"),
        ("WITH asked AS (SELECT 1) SELECT * FROM asked", "the name of a table"),
        ("WITH bills AS (SELECT 1) SELECT * FROM bills", "the name of a table"),
        (
            "WITH RECURSIVE t AS (SELECT 1 UNION ALL SELECT 2 FROM t) SELECT * FROM t",
            "must be a plain SELECT",
        ),
        ("SELECT random() FROM asked", "must only use functions"),
        ("SELECT uuid() FROM asked", "must only use functions"),
        ("SELECT age(happened_at) FROM bills", "must only use functions"),
        ("SELECT now() FROM asked", "must only use functions"),
        ("SELECT current_date FROM asked", "must"),
        ("SELECT current_timestamp FROM asked", "must"),
        ("SELECT today() FROM asked", "must only use functions"),
        ("SELECT current_setting('threads') FROM asked", "must only use functions"),
        ("SELECT getenv('HOME') FROM asked", "must only use functions"),
        ("SELECT nextval('a') FROM asked", "must only use functions"),
        ("SELECT getvariable('a') FROM asked", "must only use functions"),
        ("SELECT first(amount) FROM recharges", "whichever row comes first"),
        ("SELECT any_value(amount) FROM recharges", "whichever row comes first"),
        ("SELECT * FROM recharges USING SAMPLE 10%", "must not take a sample"),
        ("SELECT * FROM recharges TABLESAMPLE 10%", "must not take a sample"),
        ("SELECT pg_catalog.abs(1) FROM asked", "must call functions by their plain name"),
    ],
)
def test_what_is_not_on_a_list_is_refused(sql: str, rule: str) -> None:
    assert any(rule in one for one in rules(sql)), rules(sql)


def test_a_fault_names_its_line() -> None:
    _, faults = inspect_sql(
        "SELECT subscription_id,\n  1 AS ä,\n  random() AS own_a\nFROM asked", PATH
    )
    assert [(fault.line, fault.value) for fault in faults] == [(3, "random")]
    _, (fault,) = inspect_sql("SELECT 1\nFROM asked\nWHERE", PATH)
    assert "syntax error" in fault.rule


def test_what_is_read_is_known() -> None:
    reading, _ = inspect_sql("SELECT r.* FROM Recharges AS r JOIN bills USING (account_id)", PATH)
    assert (reading.tables, reading.takes_all) == ({"recharges", "bills"}, True)
    assert "account_id" in reading.columns


_PIECES = st.sampled_from(
    [
        "SELECT",
        " ",
        "\n",
        "  ",
        "'a  -- b'",
        "'it''s  /* */'",
        '"a  b"',
        "1",
        "-- x '\n",
        "/* ' \" */",
        ", ",
    ]
)


@settings(max_examples=60)
@given(st.lists(_PIECES, max_size=12).map("".join))
def test_plain_sql_is_parsed_as_the_same(sql: str) -> None:
    plain = plain_sql(sql)
    assert plain_sql(plain) == plain
    trees = []
    for text in (sql, plain):
        row = CONNECTION.execute("SELECT json_serialize_sql(?)", [text]).fetchone()
        tree = "" if row is None else re.sub(r'"(query_location|position)":"?\d+"?', "", row[0])
        trees.append(tree if '"error":false' in tree else "no SELECT")
    assert trees[0] == trees[1]


def test_plain_sql_keeps_texts_as_they_are() -> None:
    assert plain_sql("SELECT  'a  b' -- c\n , \"d  e\" /* f */ ;\n") == "SELECT 'a  b' , \"d  e\""
