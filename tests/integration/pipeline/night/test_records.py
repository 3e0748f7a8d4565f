"""Records of nights, as earlier releases wrote them: sentences were English text."""

import json
from pathlib import Path

from holdfast.home import Home
from pipeline.night.night import NightRecords

STEP = {"name": "score", "status": "stopped", "inputs": None, "seconds": 1.0, "result": {}}
NIGHT = {
    "number": 1,
    "started_at": "2025-05-26T04:00:00+00:00",
    "ended_at": None,
    "clock": "system",
    "at": None,
    "verdict": "stopped",
    "doubts": ["bills are thin"],
    "tables": {},
    "care_may_run": False,
    "steps": [STEP | {"about": "the disk is full"}],
    "error": "the disk is full",
}


def test_a_night_of_an_earlier_release_still_reads(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.nights.mkdir(parents=True)
    (home.nights / "000001.json").write_text(json.dumps(NIGHT), encoding="utf-8")
    records = NightRecords(home)
    (night,) = records.newest_first()
    assert night.to_json() == NIGHT
    records.write(night)
    stored = json.loads((home.nights / "000001.json").read_text(encoding="utf-8"))
    assert stored["doubt_sentences"][0] == {"code": "", "values": {"text": "bills are thin"}}
    assert list(records.newest_first()) == [night]
