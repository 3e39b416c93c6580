"""Settings, read once from the environment (prefix ``DISPATCH_``; ``DATABASE_URL`` without prefix)."""

from functools import cache
from pathlib import Path

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

SAMPLE_KEYS = frozenset({"change-me", "secret", "dev", "development"})
SHORTEST_KEY = 32


class Settings(BaseSettings):
    """Everything an installation can set; each field is documented in docs/reference/settings.md."""

    model_config = SettingsConfigDict(env_prefix="DISPATCH_", extra="ignore", frozen=True)

    database_url: str | None = Field(
        default=None,
        validation_alias=AliasChoices("DATABASE_URL", "DISPATCH_DATABASE_URL"),
        description="PostgreSQL 15 or newer; unset means the embedded server under the data folder",
    )
    data_dir: Path = Field(default=Path("var"), description="Database, caches, mail files, attachments, secret key")
    secret_key: SecretStr | None = Field(
        default=None, description="At least 32 characters; unset means the generated key file"
    )
    host: str = Field(default="127.0.0.1", description="Address the web server listens on")
    port: int = Field(default=8000, ge=0, le=65535, description="Port the web server listens on")
    web_processes: int = Field(default=1, ge=1, description="Web server processes")
    web_streams: int = Field(default=100, ge=1, description="Live event streams each web process may hold open")
    public_url: str = Field(
        default="http://127.0.0.1:8000", description="Address written into mails; never taken from a request"
    )
    proxies: int = Field(
        default=0, ge=0, le=5, description="Reverse proxies in front, whose word about the caller's address is believed"
    )
    secure_cookies: bool = Field(
        default=False, description="Set to true behind HTTPS; cookies then carry Secure and __Host-"
    )
    mail_backend: str = Field(
        default="file", pattern="^(file|smtp|locmem)$", description="file writes mails to the data folder"
    )
    mail_server: str = Field(default="localhost", description="SMTP server, with mail_backend=smtp")
    mail_port: int = Field(default=25, description="SMTP port, with mail_backend=smtp")
    mail_sender: str = Field(default="dispatch@localhost", description="Sender address of mails")
    message_transport: str = Field(
        default="log",
        pattern="^(log|mail)$",
        description="How messages to customers and technicians leave: log only notes them, mail sends them by mail",
    )
    solve_memory_mb: int = Field(default=1500, ge=100, description="Resident memory at which the watchdog ends a solve")
    solve_grace_s: float = Field(
        default=10.0, gt=0, description="Seconds past its limit at which the watchdog ends a solve"
    )
    solve_threads: int = Field(
        default=1, ge=1, le=64, description="Processor cores a planning run may use; leave one for pages and database"
    )
    plan_time_limit_s: float = Field(
        default=20.0, gt=0, description="Seconds a planning run may use when nobody says otherwise"
    )

    def checked_secret_key(self) -> str:
        """Return the signing key; refuses a short or well-known one (ValueError)."""
        key = self.secret_key.get_secret_value() if self.secret_key else self._key_from_file()
        if len(key) < SHORTEST_KEY or key.lower() in SAMPLE_KEYS:
            raise ValueError(
                f"DISPATCH_SECRET_KEY has {len(key)} characters; it must be a random text of at least {SHORTEST_KEY}."
            )
        return key

    def _key_from_file(self) -> str:
        path = self.data_dir / "secret_key"
        if not path.exists():
            raise ValueError(f"No signing key: set DISPATCH_SECRET_KEY or let `dispatch run` write one to {path}.")
        return path.read_text(encoding="ascii").strip()


@cache
def settings() -> Settings:
    """Return the settings of this process."""
    return Settings()
