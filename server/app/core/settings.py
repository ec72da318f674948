"""Settings, from ``CTS_*`` environment variables over the defaults below."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


def default_data_dir() -> Path:
    """The folder for state that should outlive a restart, by the XDG rules."""
    state_home = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(state_home).expanduser() / "cts"


class Settings(BaseSettings):
    """How this server process runs. Sizes are bytes, times are seconds unless the name says otherwise."""

    model_config = SettingsConfigDict(env_prefix="CTS_", extra="ignore", frozen=True)

    api_host: str = "127.0.0.1"
    api_port: int = Field(default=8080, ge=0, le=65535)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    data_dir: Path = Field(default_factory=default_data_dir)

    max_body_bytes: int = Field(default=20 * 1024 * 1024, ge=1024)
    max_concurrent_runs: int = Field(default=3, ge=1, le=256)
    max_concurrent_calls: int = Field(default=8, ge=1, le=256)
    max_runs_per_plugin: int | None = Field(default=None, ge=1)
    max_waiting_jobs: int = Field(default=10_000, ge=1)
    job_lease_seconds: float = Field(default=15.0, ge=0.3, le=3600)
    job_retention_days: float = Field(default=7.0, gt=0)
    cleanup_interval_minutes: float = Field(default=60.0, gt=0)
    shutdown_seconds: int = Field(default=10, ge=1)

    tool_timeout_seconds: float = Field(default=300.0, gt=0)
    plugin_memory_mb: int = Field(default=1024, ge=128)
    max_result_bytes: int = Field(default=16 * 1024 * 1024, ge=1024)
    plugin_start_seconds: float = Field(default=10.0, gt=0)
    plugin_packages: Annotated[tuple[str, ...], NoDecode] = ()
    plugin_environment: Annotated[tuple[str, ...], NoDecode] = ()

    @field_validator("plugin_packages", "plugin_environment", mode="before")
    @classmethod
    def _comma_list(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper_case(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value
