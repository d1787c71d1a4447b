"""What the documents say about configuration is what the settings read."""

import re
import tomllib
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
_READ = re.compile(r'(?:\benv\.\w+|\brequired)\(\s*["\']([A-Z][A-Z0-9_]+)["\']')
# Where the environment is read.
_FILES = ("settings.py", "seller.py", "providers.py")


def _variables() -> set[str]:
    texts = [(PROJECT / "config" / name).read_text() for name in _FILES]
    return {name for text in texts for name in _READ.findall(text)}


def _direct(name: str) -> set[str]:
    text = (PROJECT / "requirements" / f"{name}.in").read_text()
    lines = [line for line in text.splitlines() if re.match(r"[A-Za-z]", line)]
    return {re.split(r"[\[~=<>]", line)[0].strip() for line in lines}


class TestVariables:
    def test_the_pattern_finds_every_kind_of_reading(self) -> None:
        assert {
            "TILL_ENV",
            "SECRET_KEY",
            "ALLOWED_HOSTS",
            "PORT",
            "STRIPE_API_BASE",
        } <= _variables()

    def test_the_readme_has_a_row_for_each_and_for_nothing_else(self) -> None:
        readme = (PROJECT / "README.md").read_text()
        section = readme.split("## Configuration")[1].split("\n## ")[0]

        rows = re.findall(r"^\| `([A-Z0-9_]+)` \|", section, flags=re.MULTILINE)

        assert len(rows) == len(set(rows))
        assert set(rows) == _variables()

    def test_the_example_has_a_line_for_each_and_for_nothing_else(self) -> None:
        example = (PROJECT / ".env.example").read_text()

        names = re.findall(r"^(?:# )?([A-Z0-9_]+)=", example, flags=re.MULTILINE)

        assert len(names) == len(set(names))
        assert set(names) == _variables()


class TestDependencies:
    def test_each_direct_one_has_a_reason(self) -> None:
        text = (PROJECT / "docs" / "dependencies.md").read_text()

        rows = re.findall(r"^\| ([a-z0-9-]+) \| (?!why)", text, flags=re.MULTILINE)

        assert set(rows) == _direct("base") | _direct("dev")

    @pytest.mark.parametrize("name", ["base", "dev"])
    def test_each_is_pinned_with_hashes_and_no_address_is_named(self, name: str) -> None:
        text = (PROJECT / "requirements" / f"{name}.txt").read_text()

        pinned = dict(re.findall(r"^([a-z0-9.-]+)(?:\[[a-z,]+\])?==(\S+)", text, re.MULTILINE))

        assert _direct(name) <= set(pinned)
        assert text.count("--hash=sha256:") >= len(pinned)
        assert not re.search(r"https?://|file://|^--", text, re.MULTILINE)


class TestProcfile:
    def test_names_the_processes_and_modules_that_exist(self) -> None:
        text = (PROJECT / "Procfile").read_text()

        names = [line.partition(":")[0] for line in text.splitlines()]

        assert names == ["release", "web", "stream", "worker", "mirror", "readers", "beat"]
        for module in re.findall(r"\b(config\.\w+)", text):
            assert (PROJECT / f"{module.replace('.', '/')}.py").exists()

    def test_the_project_needs_the_python_that_the_makefile_asks_for(self) -> None:
        project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]

        assert project["requires-python"] == ">=3.11"
        assert "sys.version_info < (3, 11)" in (PROJECT / "Makefile").read_text()
