"""`holdfast care check`: the catalogue that holds, and every mistake of it."""

import json
from pathlib import Path

from typer.testing import CliRunner

from care.catalogue import DEFAULT_CATALOGUE
from commands.main import app

RUN = CliRunner()


def test_the_catalogue_that_holdfast_comes_with_is_shown(tmp_path: Path) -> None:
    ran = RUN.invoke(app, ["care", "check", "--home", str(tmp_path)])
    assert ran.exit_code == 0
    assert "predicted_risk: risk_rank_share up to 0.1" in ran.stdout
    assert "no mistakes. Rules of: The strictest of all profiles" in ran.stdout


def test_a_home_s_own_catalogue_goes_first(tmp_path: Path) -> None:
    own = tmp_path / "care" / "catalogue.toml"
    own.parent.mkdir()
    text = DEFAULT_CATALOGUE.read_text(encoding="utf-8")
    own.write_text(text.replace("cost = 2.0", "cost = -1.0"), encoding="utf-8")
    ran = RUN.invoke(app, ["care", "check", "--home", str(tmp_path), "--json"])
    assert ran.exit_code == 2
    answer = json.loads(ran.stdout)
    assert answer["catalogue"] == str(own)
    line = text.splitlines().index("cost = 2.0") + 1
    assert answer["faults"] == [
        f"catalogue.toml:{line} actions.plan_fit_offer.cost: must be 0 or more (got -1.0)"
    ]


def test_what_an_offer_must_show_depends_on_the_place(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    text = DEFAULT_CATALOGUE.read_text(encoding="utf-8")
    own.write_text(text.replace("{{ personalised_price }}", ""), encoding="utf-8")
    for code, exit_code in (("EU", 2), ("US", 0)):
        ran = RUN.invoke(app, ["care", "check", str(own)], env={"HOLDFAST_CARE_JURISDICTION": code})
        assert ran.exit_code == exit_code
