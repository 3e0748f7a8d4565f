"""`holdfast work` as a process: killed after it has claimed, run again, ended by SIGTERM."""

import asyncio
import base64
import os
import signal
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from holdfast.clock import write_clock
from holdfast.home import Home
from pipeline.care.approve import approve_campaign
from pipeline.care.plan import plan_campaign
from pipeline.care.workspace import CareWorkspace, care_of
from tests.builders.care_home import SETTINGS, care_home
from tests.builders.ledger_rows import ANA
from tests.builders.night import FEATURES, NIGHT
from tests.builders.receiver import SECRET, RawReceiver, receiving

NOON = NIGHT + timedelta(hours=12)
_RECEIVERS = """
[receivers.crm]
url = "{url}"
secret = "HOLDFAST_SECRET_CRM"
channels = ["phone"]
allow_private = true
"""


@pytest.fixture
def home(operator_home: Home, tmp_path: Path) -> Home:
    home = care_home(operator_home, tmp_path / "home")
    write_clock(home.clock, NOON)
    with care_of(home, SETTINGS) as care:
        plan = plan_campaign(care, "calls", FEATURES, lambda: NOON)
        approve_campaign(care, "calls", ANA, plan.row.digest, lambda: NOON)
    return home


def environment(**more: str) -> dict[str, str]:
    secret = base64.b64encode(SECRET).decode()
    return {
        **os.environ,
        "HOLDFAST_CARE_JURISDICTION": "EU",
        "HOLDFAST_CARE_CONTACTS_PER_HOUSEHOLD": "9",
        "HOLDFAST_CARE_OFFERS_PER_HOUSEHOLD": "9",
        "HOLDFAST_SECRET_CRM": f"whsec_{secret}",
        **more,
    }


async def started(home: Home, *options: str, **more: str) -> asyncio.subprocess.Process:
    command = (sys.executable, "-m", "commands.main", "work", "--home", str(home.root), *options)
    return await asyncio.create_subprocess_exec(
        *command, env=environment(**more), stderr=asyncio.subprocess.PIPE
    )


async def run(home: Home, care: CareWorkspace) -> RawReceiver:
    async with receiving(RawReceiver()) as receiver:
        text = _RECEIVERS.format(url=receiver.url)
        (home.care / "receivers.toml").write_text(text, encoding="utf-8")
        killed = await started(home, HOLDFAST_FAILPOINT="after_claim")
        await killed.communicate()
        assert killed.returncode == -signal.SIGKILL
        assert not receiver.bodies
        assert care.ledger.states()["claimed"] > 0
        # What the first one had claimed is taken over as soon as its lease has ended.
        again = await started(home, "--wait", "60")
        while "claimed" in care.ledger.states() or not receiver.bodies:
            assert again.returncode is None
            await asyncio.sleep(0.1)
        again.send_signal(signal.SIGTERM)
        _, told = await again.communicate()
        assert again.returncode == 0, told.decode()
        assert b"hands over to crm (phone)" in told
        return receiver


def test_killed_after_a_claim_and_run_again_nothing_is_missing(home: Home) -> None:
    with care_of(home, SETTINGS) as care:
        receiver = asyncio.run(run(home, care))
        assert len(receiver.seen) == care.ledger.states()["handed_over"]
        assert set(receiver.seen.values()) == {1}
