"""What the service remembers of requests forgets people, too."""

from datetime import UTC, datetime
from pathlib import Path

from holdfast.home import Home
from serving.access.database import open_requests, requests_path
from serving.access.idempotency import Attempt, IdempotentAnswers, KeptAnswer
from serving.events.forget import forget_requests


def test_kept_answers_about_a_person_are_gone_from_the_file(tmp_path: Path) -> None:
    home = Home(tmp_path)
    engine = open_requests(home, durable=True)
    answers = IdempotentAnswers(engine, lambda: datetime(2026, 3, 4, tzinfo=UTC))
    kept = (("k1", "C00000014"), ("k2", "C00000015"), ("k3", "C000000140"), ("k4", "CC00000014"))
    for key, name in kept:
        attempt = answers.begin("crm", key, b"0" * 32)
        assert isinstance(attempt, Attempt)
        body = f'{{"customer_id": "{name}"}}'.encode()
        answers.finish(attempt, KeptAnswer(200, "application/json", body))
    engine.dispose()
    path = requests_path(home)

    def holds(name: str) -> bool:
        beside = [path, *path.parent.glob(f"{path.name}-*")]
        return any(name.encode() in file.read_bytes() for file in beside)

    assert holds("C00000014")
    assert forget_requests(home, ["C00000014"], dry_run=True) == 1
    assert holds("C00000014")
    assert forget_requests(home, ["C00000014"]) == 1
    assert not holds('"C00000014"')
    assert all(map(holds, ("C00000015", "C000000140", "CC00000014")))
    assert forget_requests(home, ["C00000014"]) == 0
