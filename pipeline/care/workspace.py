"""The care folder of a home: catalogue, campaigns, ledger, and the secret that arms are drawn with."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from care.arms import Holdout
from care.campaign import Campaign, read_campaign
from care.catalogue import Catalogue, catalogue_of, read_catalogue
from care.jurisdiction import Jurisdiction, jurisdiction
from care.ledger.ledger import RESTORE_SALT, Ledger
from care.policy import ContactLimits
from care.settings import CareSettings
from holdfast.errors import InputError
from holdfast.failpoint import Failpoint, no_failpoint
from holdfast.files import write_beside
from holdfast.home import Home


@dataclass(frozen=True, kw_only=True)
class CareWorkspace:
    """What care on a home rests on.

    Parameters
    ----------
    home : Home
        The home.
    settings : CareSettings
        How care is planned and sent.
    law : Jurisdiction
        Whose rules hold.
    catalogue : Catalogue
        What can be done, and why.
    ledger : Ledger
        What was decided.
    """

    home: Home
    settings: CareSettings
    law: Jurisdiction
    catalogue: Catalogue
    ledger: Ledger

    @property
    def limits(self) -> ContactLimits:
        """How much contact is enough."""
        return ContactLimits(
            offers_per_household=self.settings.offers_per_household,
            contacts_per_household=self.settings.contacts_per_household,
            within_days=self.settings.contact_days,
        )

    @property
    def holdout(self) -> Holdout:
        """Who is sent no offer; the secret is made the first time.

        Raises
        ------
        InputError
            The secret is missing though the ledger has arms.
        """
        return Holdout(salt=self._salt(), share=self.settings.holdout_share)

    def require_same_salt(self, at: datetime) -> None:
        """Refuse to draw arms with another secret than those of the ledger; keep its digest there.

        Parameters
        ----------
        at : datetime
            What time it is (UTC).

        Raises
        ------
        InputError
            The secret is missing, or is another one.
        """
        self.ledger.keep_salt(self.holdout.salt, at)

    def campaign(self, name: str) -> Campaign:
        """A campaign by its name.

        Raises
        ------
        InputError
            There is no such campaign, or its file breaks a rule.
        """
        path = self.home.care / "campaigns" / f"{name}.toml"
        if not path.exists():
            names = sorted(file.stem for file in path.parent.glob("*.toml"))
            known = f"one of {', '.join(names)}" if names else f"a file in {path.parent}"
            raise InputError("CAMPAIGN", f"must be {known}", name)
        return read_campaign(path, self.catalogue)

    def _salt(self) -> str:
        path = self.home.care / "salt"
        if not path.exists():
            if self.ledger.has_arms:
                raise InputError("care/salt", RESTORE_SALT, str(path))
            write_beside(path, secrets.token_hex(32) + "\n")
            path.chmod(0o600)
        return path.read_text(encoding="utf-8").strip()


@contextmanager
def care_of(
    home: Home, settings: CareSettings, failpoint: Failpoint = no_failpoint
) -> Iterator[CareWorkspace]:
    """Open the care folder of a home.

    Parameters
    ----------
    home : Home
        The home.
    settings : CareSettings
        How care is planned and sent.
    failpoint : Failpoint, optional
        Called within the ledger's transactions.

    Raises
    ------
    InputError
        The catalogue has mistakes, or the ledger cannot be opened.
    """
    law = jurisdiction(settings.jurisdiction)
    catalogue = read_catalogue(catalogue_of(home.root), law)
    home.care.mkdir(parents=True, exist_ok=True)
    ledger = Ledger(settings.ledger_url(home), failpoint)
    try:
        yield CareWorkspace(
            home=home, settings=settings, law=law, catalogue=catalogue, ledger=ledger
        )
    finally:
        ledger.close()
