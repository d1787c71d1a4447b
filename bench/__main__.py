"""The command line: `python -m bench [--quick] [--gate] [--profile]`."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from bench import run
from bench.server import Services
from config import embedded, template_database

ROOT = Path(__file__).resolve().parent.parent


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmarks; a missed target fails the run only when asked for with `--gate`."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a short run that proves it works")
    parser.add_argument("--gate", action="store_true", help="fail when a target is missed")
    parser.add_argument("--profile", action="store_true", help="show where converging takes time")
    parser.add_argument("--rounds", type=int, help="how often everything takes its turn")
    parser.add_argument("--folder", type=Path, default=ROOT / "var" / "bench")
    options = parser.parse_args(arguments)
    plan = run.plan(quick=options.quick, profile=options.profile, rounds=options.rounds)
    services = acquire(options.folder)
    report = run.Run(services, plan).carry_out()
    paths = report.write(options.folder)
    machine = ", ".join(f"{name} {value}" for name, value in report.machine.items())
    sys.stdout.write(f"\n{machine}\n\n{report.text()}\n\n")
    sys.stdout.write("".join(f"{path}\n" for path in paths))
    return 1 if options.gate and not report.is_good else 0


def acquire(folder: Path) -> Services:
    """Join the servers named by DATABASE_URL and REDIS_URL, or start durable ones of our own."""
    folder.mkdir(parents=True, exist_ok=True)
    admin_url, redis_url = os.environ.get("DATABASE_URL"), os.environ.get("REDIS_URL")
    if not (admin_url and redis_url):
        found = embedded.acquire(folder, durable=True)
        admin_url, redis_url = found.database_url, found.redis_url
    template = template_database.ensure_template(admin_url, redis_url=redis_url)
    return Services(admin_url, redis_url, template, folder)


if __name__ == "__main__":
    sys.exit(main())
