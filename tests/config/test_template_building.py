"""Building the migrated template, on a server of its own."""

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import psycopg
import pytest

from config import embedded_databases as databases
from config import template_database
from tests.config import embedded_steps as steps
from tests.config.embedded_steps import User, names


class Workshop:
    """A server without templates, and a `migrate` that leaves a mark instead of migrating."""

    def __init__(self, user: User) -> None:
        self.user = user
        self.admin_url = user.database_url
        self.said: list[str] = []
        self.migrated: list[tuple[str, ...]] = []
        self.failure: Exception | None = None
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def migrate(self, database: str, arguments: Sequence[str]) -> None:
        self.migrated.append(tuple(arguments[:2]))
        self.may_go_on.wait(10)
        if self.failure:
            raise self.failure
        url = databases.database_url(self.admin_url, database)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"CREATE TABLE mark_{len(self.migrated)} ()".encode())

    def ensure(self) -> str:
        return template_database.ensure_template(self.admin_url, say=self.said.append)

    def templates(self) -> set[str]:
        ours = {name for name in names(self.admin_url) if name.startswith("till_")}
        return {name for name in ours if not name.startswith(template_database.CLONE_PREFIX)}


THIRD_STAGE = ("-m", "config.template_database")


OUR_STAGE = ("manage.py", "migrate")


@pytest.fixture
def workshop(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workshop]:
    workshop = Workshop(User(state_dir))
    monkeypatch.setattr(template_database._Build, "migrate", workshop.migrate)
    yield workshop
    for name in workshop.templates():
        template_database.drop(workshop.admin_url, name)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with two migrations, to be changed at will."""
    for path in ("orgs/migrations/0001_initial.py", "billing/migrations/0001_initial.py"):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text("# first\n")
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "settings.py").write_text("INSTALLED_APPS = ['djstripe', 'orgs']\n")
    monkeypatch.setattr(template_database, "PROJECT", tmp_path)
    return tmp_path


class TestEnsureTemplate:
    def test_builds_our_stage_on_the_third_party_stage(
        self, workshop: Workshop, project: Path
    ) -> None:
        third = f"till_third_{template_database.third_party_hash()}"

        template = workshop.ensure()

        assert template == f"till_{template_database.our_hash(third)}"
        assert workshop.templates() == {third, template}
        assert workshop.migrated == [THIRD_STAGE, OUR_STAGE]
        url = template_database.clone(workshop.admin_url, "marks", template)
        with psycopg.connect(url) as connection:
            marks = "SELECT to_regclass('mark_1') IS NOT NULL, to_regclass('mark_2') IS NOT NULL"
            assert connection.execute(marks).fetchone() == (True, True)
        template_database.drop(workshop.admin_url, "marks")

    def test_repeats_our_stage_alone_when_our_migrations_change(
        self, workshop: Workshop, project: Path
    ) -> None:
        workshop.ensure()
        (project / "billing" / "migrations" / "0002_more.py").write_text("# second\n")

        workshop.ensure()

        assert workshop.migrated == [THIRD_STAGE, OUR_STAGE, OUR_STAGE]

    @pytest.mark.parametrize(
        ("path", "content"),
        [
            ("orgs/migrations/0001_initial.py", "# other\n"),
            ("config/settings.py", "INSTALLED_APPS = ['djstripe', 'another', 'orgs']\n"),
            (
                "config/settings.py",
                "INSTALLED_APPS = ['djstripe', 'orgs']\nAUTH_USER_MODEL = 'orgs.Other'\n",
            ),
        ],
    )
    def test_repeats_both_stages_when_what_is_below_changes(
        self, workshop: Workshop, project: Path, path: str, content: str
    ) -> None:
        workshop.ensure()
        (project / path).write_text(content)

        workshop.ensure()

        assert workshop.migrated == [THIRD_STAGE, OUR_STAGE, THIRD_STAGE, OUR_STAGE]

    def test_keeps_two_templates_of_each_stage(self, workshop: Workshop, project: Path) -> None:
        seen = []
        for number in range(3):
            (project / "orgs" / "migrations" / "0001_initial.py").write_text(f"# {number}\n")
            third = f"till_third_{template_database.third_party_hash()}"
            seen.append({third, workshop.ensure()})

        assert workshop.templates() == seen[1] | seen[2]

    def test_leaves_nothing_half_done_when_migrating_fails(
        self, workshop: Workshop, project: Path
    ) -> None:
        workshop.failure = template_database.TemplateError("no luck")

        with pytest.raises(template_database.TemplateError, match="no luck"):
            workshop.ensure()

        assert workshop.templates() == set()

    def test_starts_anew_after_a_build_was_killed(self, workshop: Workshop, project: Path) -> None:
        draft = f"till_draft_{template_database.third_party_hash()}"
        url = template_database.clone(workshop.admin_url, draft, "template0")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE TABLE mark_1 ()")

            workshop.ensure()

        assert draft not in workshop.templates()
        assert workshop.migrated == [THIRD_STAGE, OUR_STAGE]

    def test_builds_once_for_two_callers(self, workshop: Workshop, project: Path) -> None:
        workshop.may_go_on.clear()
        callers = [threading.Thread(target=workshop.ensure) for _ in range(2)]

        for caller in callers:
            caller.start()
        steps.wait_until(lambda: any(line.startswith("waiting") for line in workshop.said))
        workshop.may_go_on.set()
        for caller in callers:
            caller.join(20)

        assert workshop.migrated == [THIRD_STAGE, OUR_STAGE]
