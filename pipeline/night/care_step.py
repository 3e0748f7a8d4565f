"""The step of a night that is about care: where it fails, scores stand and the night has a doubt."""

import hashlib
from datetime import date
from typing import Any

from features.sql.parts import raw_identity
from holdfast.errors import HoldfastError
from holdfast.home import Home
from holdfast.sentences import Sentence, as_written, sentence
from pipeline.night.care import NightCare
from pipeline.night.night import Night
from pipeline.night.status import newest_scores


class CareStep:
    """Care as a step of a night.

    Parameters
    ----------
    home : Home
        The home.
    care : NightCare or None
        What to do; None for nothing.
    """

    def __init__(self, home: Home, care: NightCare | None) -> None:
        self._home = home
        self._care = care if care is not None and care.is_there else None
        self.doubts: list[Sentence] = []
        """What is to be looked into."""

    def export(self) -> None:
        """Write what our own care gives back, to be read with the raw tables. Where it cannot be had,
        what was had last is read again.
        """
        if self._care is None:
            return
        try:
            self._care.export()
        except HoldfastError as error:
            self.doubts.append(sentence("care_not_exported", why=as_written(str(error))))

    def exported(self) -> list[tuple[str, str]]:
        """Files that were given back, with digests of what they hold."""
        folder = self._home.exported_care
        return [
            (str(path.relative_to(folder)), hashlib.sha256(path.read_bytes()).hexdigest())
            for path in sorted(folder.rglob("*.parquet"))
        ]

    def inputs(self, night: Night, day: date) -> object:
        """What the step rests on; None where that cannot be told."""
        if self._care is None:
            return []
        try:
            care = self._care.inputs()
        except HoldfastError:
            return None
        scores = newest_scores(self._home)
        return [
            str(day),
            [[one.model, one.version, one.alias, one.inputs] for one in scores],
            raw_identity(self._home.raw),
            night.care_may_run,
            bool(night.doubt_sentences),
            care,
        ]

    def run(self, night: Night) -> tuple[Sentence, dict[str, Any], bool]:
        """What was done, its result, and whether it was left out."""
        if self._care is None:
            return sentence("no_care"), {}, False
        try:
            result = self._care.run(
                may_run=night.care_may_run, has_doubts=bool(night.doubt_sentences)
            )
        except HoldfastError as error:
            failed = sentence("care_failed", why=as_written(str(error)))
            self.doubts.append(failed)
            return failed, {}, True
        return result.told(), result.to_json(), False
