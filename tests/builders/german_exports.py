"""Made-up exports of a German operator: no name and hardly a value is a contract's."""

from pathlib import Path

_ROWS = 40
_CHANGED = "GEAENDERT_AM;LADEDATUM"
_STATES = ("aktiv", "gekündigt", "gesperrt")


def write_german_exports(folder: Path) -> Path:
    """Write three tables and one that is none; returns the folder.

    Times name no zone, bills do not say when they arrived, and one status is in no vocabulary.
    """
    days = [f"{1 + n % 28:02d}" for n in range(_ROWS)]
    changed = [f"01.06.2023 08:{n:02d}:00;02.06.2023" for n in range(_ROWS)]
    status = [_STATES[n % 3] for n in range(_ROWS - 1)] + ["Sonderfall"]
    relations = {
        "CRM_KUNDEN": [
            "KUNDENNR;KUNDENTYP;BUNDESLAND;KUNDE_SEIT;GEAENDERT_AM;LADEDATUM;NAME",
            *(
                f"K{n:05d};{('PK', 'GK')[n % 2]};Bayern;{days[n]}.03.2019;{changed[n]};Hans {n}"
                for n in range(_ROWS)
            ),
        ],
        "VERTRAG": [
            f"VERTRAGSNR;REF;SPARTE;ABRECHNUNGSART;TARIFCODE;AKTIVIERT_AM;STATUS;LASTSCHRIFT;{_CHANGED}",
            *(
                f"V{n:05d};K{n:05d};{('Mobilfunk', 'Festnetz')[n % 2]};{('Vertrag', 'Festnetz')[n % 2]};"
                f"T{n % 3};{days[n]}.03.2019;{status[n]};{('J', 'N')[n % 2]};{changed[n]}"
                for n in range(_ROWS)
            ),
        ],
        "RECHNUNGEN": [
            "RECHNUNGSNR;KUNDENKONTO;BETRAG;RECHNUNGSDATUM;FAELLIG_AM;BEMERKUNG",
            *(
                f"R{n:05d};K{n:05d};{n},50;{days[n]}.11.2023;{days[n]}.12.2023;"
                for n in range(_ROWS)
            ),
        ],
        "Wetter": ["a;b", "1;2"],
    }
    folder.mkdir(parents=True)
    for name, lines in relations.items():
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder
