"""Settings, from ``CTS_*`` environment variables over the defaults below."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from server.app.core.start_error import StartError

LEAST_PRODUCTION_TIMEOUT: Final = 30.0
_WEEK: Final = 7 * 24 * 3600
_MILLION: Final = 1_000_000
_MOST_BYTES: Final = 512 * 1024 * 1024
"""Of one request or result: SQLite keeps no text above a thousand million bytes, and JSON may write one as two."""

_ORIGIN: Final = re.compile(r"https?://[a-z0-9.-]+(:\d{1,5})?", re.ASCII)


def default_data_dir() -> Path:
    """The folder for state that should outlive a restart, by the XDG rules."""
    state_home = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(state_home).expanduser() / "cts"


def _whole_path(path: Path) -> Path:
    try:
        return path.expanduser().absolute()
    except RuntimeError:
        raise ValueError(f"there is no home folder for {path.parts[0]}") from None


class Settings(BaseSettings):
    """How this server process runs. Sizes are bytes, times are seconds unless the name says otherwise.

    Every number has an upper bound: beyond some size, which differs from one to the other, the system takes it no more,
    and that would be noticed in the middle of the work.
    """

    model_config = SettingsConfigDict(env_prefix="CTS_", extra="ignore", frozen=True)

    environment: Literal["development", "production"] = "development"
    api_host: str = Field(default="127.0.0.1", min_length=1)  # an empty one is every address
    api_port: int = Field(default=8080, ge=0, le=65535)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["text", "json"] = "text"
    log_requests: bool = False
    data_dir: Path = Field(default_factory=default_data_dir)
    database_url: SecretStr | None = None
    jobs_in_memory: bool = False

    require_authentication: bool = False
    rate_limit_enabled: bool = False
    rate_limit_per_minute: int = Field(default=60, ge=1, le=_MILLION)
    cors_origins: Annotated[tuple[str, ...], NoDecode] = ()

    max_connections: int = Field(default=1000, ge=1, le=_MILLION)
    client_patience_seconds: float = Field(default=30.0, ge=0.1, le=_WEEK)
    max_body_bytes: int = Field(default=20 * 1024 * 1024, ge=1024, le=_MOST_BYTES)
    max_concurrent_runs: int = Field(default=3, ge=0, le=256)
    max_concurrent_calls: int = Field(default=8, ge=1, le=256)
    max_waiting_calls: int = Field(default=100, ge=0, le=_MILLION)
    max_runs_per_plugin: int | None = Field(default=None, ge=1, le=_MILLION)
    max_waiting_jobs: int = Field(default=10_000, ge=1, le=1000 * _MILLION)
    job_lease_seconds: float = Field(default=15.0, ge=0.3, le=3600)
    job_retention_days: float = Field(default=7.0, gt=0, le=36_500)
    cleanup_interval_minutes: float = Field(default=60.0, ge=0.01, le=_WEEK / 60)
    shutdown_seconds: int = Field(default=10, ge=1, le=_WEEK)

    tool_timeout_seconds: float = Field(default=300.0, gt=0, le=_WEEK)
    plugin_memory_mb: int = Field(default=1024, ge=128, le=16 * _MILLION)
    max_result_bytes: int = Field(default=16 * 1024 * 1024, ge=1024, le=_MOST_BYTES)
    plugin_start_seconds: float = Field(default=10.0, gt=0, le=_WEEK)
    plugin_packages: Annotated[tuple[str, ...], NoDecode] = ()
    plugin_environment: Annotated[tuple[str, ...], NoDecode] = ()

    plugin_confinement: bool = True
    plugin_cpu_seconds: int = Field(default=300, ge=1, le=1000 * _MILLION)
    plugin_max_processes: int = Field(default=64, ge=1, le=_MILLION)
    plugin_grants: Annotated[tuple[Literal["network", "processes"], ...], NoDecode] = ("network", "processes")
    plugin_read_paths: Annotated[tuple[Path, ...], NoDecode] = ()
    plugin_write_paths: Annotated[tuple[Path, ...], NoDecode] = ()

    @field_validator(
        "plugin_packages",
        "plugin_environment",
        "plugin_grants",
        "plugin_read_paths",
        "plugin_write_paths",
        "cors_origins",
        mode="before",
    )
    @classmethod
    def _comma_list(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("database_url", "max_runs_per_plugin", mode="before")
    @classmethod
    def _none_if_empty(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator("data_dir", mode="before")
    @classmethod
    def _folder(cls, value: object) -> object:
        if value == "":
            raise ValueError("it names no folder")
        return value

    @field_validator("data_dir", "plugin_read_paths", "plugin_write_paths")
    @classmethod
    def _whole(cls, value: Path | tuple[Path, ...]) -> Path | tuple[Path, ...]:
        """As this process understands them: not every caller is a shell, and plugins work in folders of their own."""
        return _whole_path(value) if isinstance(value, Path) else tuple(map(_whole_path, value))

    @property
    def key_required(self) -> bool:
        """Whether everybody needs a key; in development only once there is one, or when it is asked for."""
        return self.require_authentication or self.environment == "production"

    @property
    def requests_per_minute(self) -> int | None:
        """For each key; ``None`` is without limit."""
        limited = self.rate_limit_enabled or self.environment == "production"
        return self.rate_limit_per_minute if limited else None

    @model_validator(mode="after")
    def _patient_in_production(self) -> Self:
        if self.environment == "production" and self.tool_timeout_seconds < LEAST_PRODUCTION_TIMEOUT:
            raise ValueError(f"tool_timeout_seconds must be at least {LEAST_PRODUCTION_TIMEOUT:g} in production")
        return self

    @field_validator("cors_origins")
    @classmethod
    def _origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            if not _ORIGIN.fullmatch(origin):
                raise ValueError(f"{origin!r} is no origin; write it like https://app.example.org, and never *")
        return origins

    @field_validator("database_url")
    @classmethod
    def _postgres(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and not url.get_secret_value().startswith(("postgresql://", "postgres://")):
            raise ValueError("it must begin with postgresql://; without it, SQLite is used in the data folder")
        return url

    @model_validator(mode="after")
    def _somebody_works(self) -> Self:
        if self.max_concurrent_runs == 0 and self.database_url is None:
            raise ValueError("max_concurrent_runs may be 0 only where workers can be elsewhere: set database_url")
        return self

    @model_validator(mode="after")
    def _one_place_for_jobs(self) -> Self:
        if self.jobs_in_memory and self.database_url is not None:
            raise ValueError("jobs_in_memory is for a server by itself: leave out database_url")
        return self

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper_case(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value


def read_settings(**given: Any) -> Settings:
    """The settings of the environment, under those given that are not ``None``.

    Raises:
        StartError: one of them is wrong.
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        problems = "; ".join(": ".join((*map(str, item["loc"]), item["msg"])) for item in error.errors())
        raise StartError(f"a setting is wrong: {problems}") from None
    except RuntimeError:
        raise StartError("this user has no home folder; say where the data are to be kept: CTS_DATA_DIR") from None
