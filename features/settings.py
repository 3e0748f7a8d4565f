"""Settings of the features: how they are built, stored and read."""

from collections.abc import Mapping
from datetime import tzinfo

from pydantic import Field

from holdfast.cores import core_count
from holdfast.settings import Section
from holdfast.zone import read_zone


class FeatureSettings(Section):
    """How features are built, and what is assumed of margins."""

    prefix = "HOLDFAST_FEATURE_"

    history_customers: int = Field(
        default=50_000,
        ge=1,
        description=(
            "How many customers past snapshots are kept of, drawn once by their ids when the first is written; all where there "
            "are fewer."
        ),
    )
    memory_gb: float = Field(
        default=4.0,
        ge=0.5,
        description="Memory that computing features may take before it spills to disk, GB.",
    )
    threads: int = Field(
        default=0,
        ge=0,
        description="Threads that compute features; 0 for as many as there are processors.",
    )
    margin_postpaid: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Share of revenue that is margin on postpaid mobile lines; an assumption.",
    )
    margin_prepaid: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Share of revenue that is margin on prepaid mobile lines; an assumption.",
    )
    margin_fixed: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Share of revenue that is margin on broadband and TV; an assumption.",
    )

    @property
    def threads_to_use(self) -> int:
        """Threads, as many as there are processors where none were set."""
        return self.threads or core_count()

    @property
    def margin_shares(self) -> Mapping[str, float]:
        """Assumed margins by billing type."""
        return {
            "postpaid": self.margin_postpaid,
            "prepaid": self.margin_prepaid,
            "fixed": self.margin_fixed,
        }


class OperatorSettings(Section):
    """What holds for the whole operator."""

    prefix = "HOLDFAST_OPERATOR_"

    time_zone: str = Field(
        default="",
        description=(
            "Time zone of the operator's days and weeks, an IANA name such as Europe/Berlin; empty for the home's own, and UTC "
            "for a new home. It stays the same for the life of a home."
        ),
    )

    @property
    def zone(self) -> tzinfo | None:
        """The zone; None for the home's own.

        Raises
        ------
        InputError
            There is no such zone.
        """
        return read_zone(self.time_zone, self.variable("time_zone")) if self.time_zone else None


class ExpectationSettings(Section):
    """What is expected of a night's raw tables, and what is done where they are not as expected."""

    prefix = "HOLDFAST_EXPECTATION_"

    stop: str = Field(
        default="customers,subscriptions",
        description=(
            "Tables, parted by commas, that stop the night when they are not as expected; of others yesterday's rows are used."
        ),
    )
    quarantine_share: float = Field(
        default=0.01,
        ge=0,
        le=1,
        description="Share of a table's rows that may be quarantined; beyond it the table is doubtful.",
    )

    @property
    def stop_tables(self) -> frozenset[str]:
        """Tables that stop the night."""
        return frozenset(name.strip() for name in self.stop.split(",") if name.strip())


class ReadingSettings(Section):
    """How a team's own table, or an operator's raw tables, are read."""

    prefix = "HOLDFAST_READING_"

    unread_share: float = Field(
        default=0.02,
        ge=0,
        le=1,
        description=(
            "Share of a column's cells up to which those that do not fit its reading are taken as missing; above it "
            "the run stops and asks."
        ),
    )
    watermark_overlap_hours: float = Field(
        default=24.0,
        ge=0,
        le=8760,
        description=(
            "Of tables that are read by a watermark: hours before the newest row from which rows are read again; a row "
            "that becomes visible later than so long after the time that it bears is missed."
        ),
    )
