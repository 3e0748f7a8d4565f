"""Settings of the service."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, model_validator

from holdfast.settings import Section


class ServingSettings(Section):
    """Who may send requests, how large they may be, and how the server follows the registry."""

    prefix = "HOLDFAST_SERVING_"

    # Without a rule of its own: an error about it would show the key.
    api_key: SecretStr | None = Field(
        default=None,
        description="No longer used: the server does not start while it is set. `holdfast keys create` makes keys.",
    )
    requests_per_minute: int = Field(
        default=6_000,
        ge=1,
        description="Most requests of one API key in a minute, over all workers.",
    )
    rate_store: Literal["home", "redis"] = Field(
        default="home",
        description="Where the workers count requests together: in a file of the `home`, or in `redis` (`HOLDFAST_REDIS_URL`), "
        "also for several machines.",
    )
    request_log: Path | None = Field(
        default=None,
        description="File for a JSON line per request; `access/requests.jsonl` in the home where it is not set, or standard "
        "error where the home cannot be written.",
    )
    workers: int = Field(
        default=1,
        ge=1,
        le=64,
        description="Processes that answer requests on one port; `--workers` overrides it.",
    )
    header_seconds: float = Field(
        default=10.0,
        gt=0,
        le=600,
        description="How long the request line and headers may take to arrive, in seconds.",
    )
    body_seconds: float = Field(
        default=10.0,
        gt=0,
        le=20,
        description="How long a request body may take to arrive, in seconds.",
    )
    idle_seconds: int = Field(
        default=75,
        ge=1,
        le=3_600,
        description="How long a connection may stay open without a request, or with an answer that nobody reads, in seconds; "
        "longer than a proxy in front keeps it.",
    )
    max_header_bytes: int = Field(
        default=16_384,
        ge=256,
        le=1_048_576,
        description="Largest request line with headers, in bytes.",
    )
    max_connections: int = Field(
        default=1_000,
        ge=1,
        le=60_000,
        description="Most open connections of each worker. One more closes the one that has waited longest for a request, or is "
        "refused where all are being answered; probes are always answered.",
    )
    max_body_bytes: int = Field(
        default=1_048_576, ge=1, description="Largest request body, in bytes."
    )
    max_items: int = Field(
        default=1_000, ge=1, description="Most customers or rows in one request."
    )
    reload_seconds: float = Field(
        default=30.0,
        gt=0,
        le=86_400,
        description="How often the server looks for a new champion, in seconds.",
    )
    stale_days: float = Field(
        default=3.0,
        gt=0,
        le=3_650,
        description="Predictions from older features are marked as stale, in days. Features are built nightly.",
    )
    withhold_days: float = Field(
        default=35.0,
        gt=0,
        le=3_650,
        description="Of older features no probability is given, in days; at least `HOLDFAST_SERVING_STALE_DAYS`.",
    )
    kept_mb: int = Field(
        default=128,
        ge=0,
        le=65_536,
        description="Memory for answers kept until something they depend on changes, in MiB; 0 to keep none.",
    )
    metrics_port: int | None = Field(
        default=None,
        ge=0,
        le=65_535,
        description="Port where Prometheus asks for metrics, without a key; 0 for any that is free. Without a port nothing is "
        "counted.",
    )
    metrics_host: str = Field(
        default="127.0.0.1",
        description="Address of that port. Beyond loopback, let only Prometheus reach it.",
    )
    drain_seconds: float = Field(
        default=2.0,
        ge=0,
        le=600,
        description="How long it goes on answering after SIGTERM, while it reports that it is not ready, in seconds.",
    )

    @model_validator(mode="after")
    def _check_days(self) -> "ServingSettings":
        if self.withhold_days < self.stale_days:
            raise ValueError("withhold_days must be at least stale_days")
        return self
