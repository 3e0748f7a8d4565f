"""People erased in files for spreadsheets, whose ids may be written with an apostrophe before them."""

from pathlib import Path

import pytest

from care.delivery.files import COLUMNS, write_file
from care.delivery.receivers import Files
from care.settings import CareSettings
from features.erased.people import People
from holdfast.home import Home
from pipeline.privacy.places import Places
from reports.quickstart.care_list import CareEntry, care_list_csv
from reports.words.texts import texts

CUSTOMERS = ("+4917012345", "7", "'+1", "0007", "=1+1")
MESSAGES = ("Hello", "two\r\nlines", 'a "quoted" one')


def forgotten(home: Home, customer: str, place: str) -> int:
    people = People({customer: {"customer_id": frozenset({customer})}}, {})
    counted = Places(home, people, {}, "", CareSettings(), dry_run=True).forget(place)
    removed = Places(home, people, {}, "", CareSettings()).forget(place)
    assert counted == removed
    return removed


def sent(home: Home, customers: tuple[str, ...]) -> Path:
    """A file that was handed over, with a revision 7 of each consent."""
    rows = [
        dict.fromkeys(COLUMNS, "")
        | {"decision_id": f"K{one}", "customer_id": one, "subscription_id": f"S{one}"}
        | {"message": MESSAGES[len(one) % 3], "consent_revision": "7"}
        for one in customers
    ]
    return write_file(home.care / "sent" / "file", Files(format="csv"), rows)


@pytest.mark.parametrize("customer", CUSTOMERS)
def test_a_person_goes_from_what_was_handed_over_and_others_stay_bit_for_bit(
    tmp_path: Path, customer: str
) -> None:
    home = Home(tmp_path)
    others = tuple(one for one in CUSTOMERS if one != customer)
    expected = sent(home, others).read_bytes()
    path = sent(home, CUSTOMERS)
    assert forgotten(home, customer, "care") == 1
    assert path.read_bytes() == expected
    assert forgotten(home, customer, "care") == 0


@pytest.mark.parametrize("language", ["en", "zh-Hans"])
@pytest.mark.parametrize("customer", CUSTOMERS)
def test_a_person_goes_from_the_care_list(tmp_path: Path, customer: str, language: str) -> None:
    home = Home(tmp_path)
    entries = [
        CareEntry(
            customer_id=one,
            probability=0.5,
            band="high",
            value_at_stake=7.0,
            # Somebody's reason may say what another one's id is.
            reasons=("7", "+4917012345"),
        )
        for one in CUSTOMERS
    ]
    text = care_list_csv(entries, texts(language))
    home.care_list.write_text(text, encoding="utf-8-sig", newline="")
    lines = home.care_list.read_bytes().splitlines(keepends=True)
    assert forgotten(home, customer, "lists") == 1
    del lines[1 + CUSTOMERS.index(customer)]
    assert home.care_list.read_bytes() == b"".join(lines)
