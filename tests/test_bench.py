"""The benchmark runs, and says how we compare; what it measures is never asserted here."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bench import events, ids, load, provider, server
from bench.report import Report, Row

ROOT = Path(__file__).resolve().parent.parent
RATIO = re.compile(r"^intake ÷ .*/s +.*/s +\d+\.\d+\b", re.MULTILINE)


@pytest.mark.timeout(600)
def test_a_quick_run_prints_the_ratios_and_keeps_them(tmp_path: Path) -> None:
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("COVERAGE_", "DJANGO_", "TILL_"))
    }

    done = subprocess.run(  # noqa: S603 - ourselves
        [sys.executable, "-m", "bench", "--quick", "--folder", str(tmp_path)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert len(RATIO.findall(done.stdout)) == 3
    assert "statements per accepted event" in done.stdout
    found = json.loads((tmp_path / "results.json").read_text())
    assert all(rate > 0 for rates in found["rounds"].values() for rate in rates)
    assert (tmp_path / "rates.svg").read_text().startswith("<svg")


class TestEvents:
    @pytest.mark.parametrize("type_", events.JOURNEY)
    def test_all_have_the_same_size(self, type_: str) -> None:
        body = events.body("evt_1", type_, 7)

        assert len(body) == events.BODY_BYTES
        assert json.loads(body)["type"] == type_


class TestProvider:
    def test_answers_with_the_object_of_the_number_in_the_id(self) -> None:
        status, found = provider.answer(f"/v1/subscriptions/{ids.external_id('sub', 7)}")

        assert (status, found["customer"]) == (200, ids.external_id("cus", 7))
        assert found["latest_invoice"] == ids.external_id("in", 7)

    def test_expands_the_invoice(self) -> None:
        target = f"/v1/subscriptions/{ids.external_id('sub', 7)}?expand[0]=latest_invoice.payments"

        assert provider.answer(target)[1]["latest_invoice"]["object"] == "invoice"

    def test_knows_nothing_else(self) -> None:
        assert provider.answer("/v1/subscriptions/sub_of_somebody")[0] == 404


class TestReport:
    def test_is_good_unless_a_target_was_missed(self) -> None:
        report = Report({}, [Row("a", "", "1"), Row("b", "", "2", ok=True)], {}, [])

        assert report.is_good
        assert not Report({}, [Row("c", "", "3", ok=False)], {}, []).is_good

    def test_lines_up_its_columns(self) -> None:
        text = Report({}, [Row("intake", "10/s", "20/s", "2.0", "≥ 1", ok=True)], {}, []).text()

        head, _, row = text.splitlines()
        assert head.index("ours") == row.index("20/s")


def test_percentiles_are_values_that_were_seen() -> None:
    assert load.percentile([1.0, 2.0, 3.0], 0.5) == 2.0
    assert load.percentile([1.0, 2.0, 3.0], 0.99) == 3.0
    assert load.percentile([], 0.5) == 0.0


def test_measures_under_the_web_server_that_the_procfile_names() -> None:
    lines = (ROOT / "Procfile").read_text().splitlines()
    web = next(line for line in lines if line.startswith("web:"))

    assert "granian --interface wsgi config.wsgi:application" in web
    assert f"--workers ${{WEB_CONCURRENCY:-{server.WORKERS}}}" in web
    assert f"--blocking-threads {server.THREADS} " in web
