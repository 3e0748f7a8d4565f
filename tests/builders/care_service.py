"""The service's routes about care over a small home, with the real guard in front."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from starlette.testclient import TestClient

from care.ledger.ledger import Ledger
from care.settings import CareSettings
from features.online.settings import OnlineSettings
from holdfast.clock import Clock, system_clock
from holdfast.home import Home
from serving.access.access import Access
from serving.access.guard import AccessMiddleware
from serving.access.key_store import KeyStore
from serving.contract.problem import ProblemMiddleware
from serving.routes.app import make_app
from serving.served.follower import ModelFollower
from serving.settings import ServingSettings
from tests.builders.ledger_rows import decision_row, plan_row

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)


@contextmanager
def care_service(
    home: Home,
    care: CareSettings | None = None,
    clock: Clock = lambda: NOW,
    settings: ServingSettings | None = None,
) -> Iterator[TestClient]:
    """A caller on this machine of a service without models."""
    chosen = settings or ServingSettings()
    access = Access(home, system_clock, chosen.requests_per_minute)
    follower = ModelFollower(home, OnlineSettings(), clock)
    app = make_app(follower, access, chosen, care=care or CareSettings())
    guarded = ProblemMiddleware(AccessMiddleware(app, access))
    with TestClient(
        guarded, base_url="http://127.0.0.1:3000", client=("127.0.0.1", 50_000)
    ) as caller:
        yield caller


@contextmanager
def ledger_of(home: Home, care: CareSettings | None = None) -> Iterator[Ledger]:
    """The ledger of a home."""
    home.care.mkdir(parents=True, exist_ok=True)
    ledger = Ledger((care or CareSettings()).ledger_url(home))
    yield ledger
    ledger.close()


def with_plan(home: Home, count: int = 3) -> None:
    """A plan of the campaign ``spring`` in the ledger: so many to send, one withheld."""
    rows = [decision_row(number) for number in range(count)]
    withheld = decision_row(
        99, channel=None, arm="control", propensity=0.194, send_after=None, send_before=None
    )
    with ledger_of(home) as ledger:
        ledger.record_plan(plan_row(), {"action": "plan_fit_offer"}, [*rows, withheld])


def bearer(home: Home, name: str, *scopes: str, person: str | None = None) -> dict[str, str]:
    """Headers with a new key."""
    issued = KeyStore(home, system_clock).create(name, scopes, person=person)
    return {"Authorization": f"Bearer {issued.secret}"}
