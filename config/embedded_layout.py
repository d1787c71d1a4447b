"""Where the development services keep their files, under which names, and with which secrets."""

import hashlib
import json
import os
import secrets
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

ROLE = "till"
DATABASE = "till"


class ServicesError(RuntimeError):
    """PostgreSQL or Valkey could not be provided; the message says what to do next."""


@dataclass(frozen=True)
class Layout:
    """The files of one state directory (`state_dir` is absolute, without symbolic links)."""

    state_dir: Path

    @classmethod
    def of(cls, state_dir: Path) -> "Layout":
        """Lay out the directory at this path, which need not exist yet."""
        return cls(Path(os.path.realpath(state_dir)))

    @property
    def users_lock(self) -> Path:
        """Held shared by every process that uses the services: the reference count."""
        return self.state_dir / "users.lock"

    @property
    def owner_lock(self) -> Path:
        """Held exclusively by the one owner process, from before it starts until it has ended."""
        return self.state_dir / "owner.lock"

    @property
    def secrets_file(self) -> Path:
        """The two passwords, readable by the owner of the state directory only."""
        return self.state_dir / "secrets.json"

    @property
    def home_pointer(self) -> Path:
        """Names the folder of the data when it could not be kept in the state directory."""
        return self.state_dir / "data.path"

    def log(self, name: str) -> Path:
        """Return the log file of `owner`, `postgres` or `valkey`."""
        return self.state_dir / f"{name}.log"

    @cached_property
    def key(self) -> str:
        """Twelve lower-case hex digits that stand for this path and this user."""
        text = b"%d:%s" % (os.geteuid(), os.fsencode(self.state_dir))
        return hashlib.sha256(text).hexdigest()[:12]

    @property
    def socket_dir(self) -> Path:
        """A short folder for the sockets.

        A socket's path may have 107 bytes at most, however deep the state directory is; and the
        name is lower-case because parsers of URLs lower-case the host.
        """
        return Path("/tmp") / f"till-{self.key}"  # noqa: S108 - mode and owner are verified

    @property
    def control_socket(self) -> Path:
        """Where the owner answers with its status."""
        return self.socket_dir / "owner.sock"

    @property
    def postgres_socket(self) -> Path:
        """Where PostgreSQL listens (libpq is given the folder)."""
        return self.socket_dir / ".s.PGSQL.5432"

    @property
    def valkey_socket(self) -> Path:
        """Where Valkey listens."""
        return self.socket_dir / "valkey.sock"

    def database_url(self) -> str:
        """Return the URL of the application's database, as the application's role."""
        host = quote(str(self.socket_dir), safe="")
        return f"postgresql://{ROLE}:{read_secrets(self).postgres}@{host}/{DATABASE}"

    def redis_url(self) -> str:
        """Return the URL of Valkey's database 0."""
        return f"unix://:{read_secrets(self).valkey}@{self.valkey_socket}?db=0"


@dataclass(frozen=True)
class Secrets:
    """The passwords of the application's role and of Valkey (hexadecimal: safe in URL and SQL)."""

    postgres: str
    valkey: str


def new_secrets() -> Secrets:
    """Draw two passwords of 128 random bits each."""
    return Secrets(secrets.token_hex(16), secrets.token_hex(16))


def read_secrets(layout: Layout) -> Secrets:
    """Read the passwords.

    Raises:
        FileNotFoundError: the services of this state directory were never started.
    """
    content = json.loads(layout.secrets_file.read_text())
    return Secrets(str(content["postgres"]), str(content["valkey"]))


def write_secrets(layout: Layout, passwords: Secrets) -> None:
    """Keep the passwords in a file of mode 0600, whole or not at all."""
    draft = layout.secrets_file.with_suffix(".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump({"postgres": passwords.postgres, "valkey": passwords.valkey}, file)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(layout.secrets_file)


def make_state_dir(layout: Layout) -> None:
    """Make the state directory if needed.

    Raises:
        ServicesError: it cannot be made, or belongs to another user.
    """
    advice = "Choose another one with TILL_STATE_DIR, or set DATABASE_URL and REDIS_URL."
    try:
        layout.state_dir.parent.mkdir(parents=True, exist_ok=True)
        if not layout.state_dir.exists():
            # Root's servers run as another user, who must be able to pass through.
            mode = 0o711 if os.geteuid() == 0 else 0o700
            layout.state_dir.mkdir(mode=mode, exist_ok=True)
        owner = layout.state_dir.stat().st_uid
    except OSError as error:
        raise ServicesError(
            f"Cannot make {layout.state_dir}: {error.strerror}. {advice}"
        ) from error
    if owner != os.geteuid():
        raise ServicesError(
            f"{layout.state_dir} belongs to user id {owner}, not to you ({os.geteuid()}). {advice}"
        )
