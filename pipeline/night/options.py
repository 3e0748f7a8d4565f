"""What a person asks of a night."""

from dataclasses import dataclass, field
from datetime import date

from features.raw_tables.options import RawOptions
from pipeline.night.night import StepName


@dataclass(frozen=True, kw_only=True)
class NightOptions:
    """What a person asked of a night.

    Parameters
    ----------
    source : str or None
        Raw tables to take in: a folder, a SQLAlchemy URL or a mapping file. None for the raw store as it is.
    encoding : str or None
        Of its text files that are not UTF-8.
    watermark : str or None
        Of a database: by which column only what is new is read.
    reading : RawOptions
        How to read what is in doubt.
    at : date or None
        Day at whose beginning the snapshot is taken. None for the last one that the data reach.
    first_step : str
        Step to begin with.
    wait_seconds : float
        How long to wait for another process that writes in the home.
    accepted : frozenset of str
        Raw tables to take as they are tonight, whatever is unusual about them.
    accepted_by : str
        Who says so; empty where nobody was named.
    language : str
        Of the status page that is written at the end, as a BCP 47 tag.
    """

    source: str | None = None
    encoding: str | None = None
    watermark: str | None = None
    reading: RawOptions = field(default_factory=RawOptions)
    at: date | None = None
    first_step: StepName = "take_in"
    wait_seconds: float = 0
    accepted: frozenset[str] = frozenset()
    accepted_by: str = ""
    language: str = "en"
