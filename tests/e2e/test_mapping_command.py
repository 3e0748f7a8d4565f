import json
from pathlib import Path

import pytest

from tests.builders.german_exports import write_german_exports
from tests.e2e.conftest import Invoke


def test_from_a_folder_of_exports_to_a_night(
    invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_german_exports(tmp_path / "exports")
    done = invoke("data", "map", "exports")
    assert done.exit_code == 0
    printed = " ".join(done.stdout.split())
    assert "customer_id is KUNDENNR 1.00: its name, every one differs" in printed
    assert "time_zone?" in printed
    assert "not mapped Wetter" in printed
    mapping = tmp_path / "mapping.toml"
    text = mapping.read_text(encoding="utf-8")

    # Nothing is replaced unless it is said.
    done = invoke("data", "map", "exports")
    assert (done.exit_code, mapping.read_text(encoding="utf-8")) == (2, text)
    assert "--out: must not exist; --force replaces it" in done.stderr
    done = invoke("data", "map", "exports", "--force", "--json")
    assert json.loads(done.stdout)["asks"] is True
    assert mapping.read_text(encoding="utf-8") == text

    # What it asks is asked again by the check, until it is answered.
    done = invoke("data", "check", "mapping.toml", "--home", "home")
    assert (done.exit_code, done.stdout) == (2, "")
    assert not Path("home").exists()
    answered = text.replace("# ? time_zone", "time_zone").replace("# ? arrival", "arrival")
    mapping.write_text(answered, encoding="utf-8")
    done = invoke("data", "check", "mapping.toml", "--home", "home", "--json")
    report = json.loads(done.stdout)
    unmapped = report["mapping"]["unmapped"]
    assert unmapped["relations"] == ["Wetter.csv"]
    assert unmapped["columns"]["bills"] == ["BEMERKUNG"]
    assert "plan_since_at" in unmapped["contract_columns"]["subscriptions"]
    assert unmapped["values"] == [
        {
            "table": "subscriptions",
            "column": "status",
            "value": "Sonderfall",
            "became": "other",
            "rows": 1,
        }
    ]
    done = invoke("data", "check", "mapping.toml", "--home", "home")
    printed = " ".join(done.stdout.split())
    assert "happened_at plus 1 days, as the mapping file says" in printed
    assert "mapped subscriptions from VERTRAG: subscription_id is 'VERTRAGSNR'" in printed
    assert (
        "subscriptions: status: 1 values in no list are read as other ('Sonderfall' 1)" in printed
    )

    mapping.write_text(
        answered.replace('# ? Sonderfall = ""', 'Sonderfall = "active"'), encoding="utf-8"
    )
    done = invoke("nightly", "mapping.toml", "--home", "home", "--json")
    night = json.loads(done.stdout)
    steps = {step["name"]: step for step in night["steps"]}
    assert steps["take_in"]["result"]["quarantined"] == 0
    assert steps["features"]["status"] == "done"
    again = json.loads(invoke("nightly", "mapping.toml", "--home", "home", "--json").stdout)
    assert again["steps"][0]["status"] == "unchanged"


def test_a_wrong_mapping_is_one_line(invoke: Invoke, tmp_path: Path) -> None:
    mapping = tmp_path / "mapping.toml"
    mapping.write_text('source = "x"\n[tables.custmers]\n', encoding="utf-8")
    for command in (("data", "check"), ("features", "build"), ("nightly",)):
        done = invoke(*command, mapping, "--home", tmp_path / "home")
        assert done.exit_code == 2
        (line,) = done.stderr.splitlines()
        assert (
            "mapping.toml: tables: must name a table of the data dictionary; is customers" in line
        )
    assert not (tmp_path / "home").exists()
