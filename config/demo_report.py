"""What the demo tells people and programs: logins on the screen, the same in `demo.json`."""

import json
import os
import secrets
from pathlib import Path
from typing import Any

from config.demo_system import System

_PRIVATE = 0o600


def people_file(system: System) -> Path:
    """Return where `seed_demo` keeps the logins it made up."""
    return system.state_dir / "people.json"


def forget(state_dir: Path) -> None:
    """Remove the report of an earlier run: a report means that everything answers."""
    (state_dir / "demo.json").unlink(missing_ok=True)


def publish(system: System) -> None:
    """Write `demo.json`, whole or not at all, for our eyes only."""
    people = _people(system)
    report = {
        "base_url": system.base_url,
        "staff": people["staff"],
        "owner": people["owner"],
        "api_key": people["api_key"],
        "readers": _readers(system, people),
        "stripe_simulator": system.stripe_simulator,
        "cardpointe_simulator": system.cardpointe_simulator,
        "mail_dir": str(system.mail_dir),
        "database_url": system.database_url,
        "redis_url": system.redis_url,
    }
    system.mail_dir.mkdir(parents=True, exist_ok=True)
    write_private(system.state_dir / "demo.json", json.dumps(report, indent=2) + "\n")


def describe(system: System, seconds: float) -> str:
    """Return where to go and who to be, in a few lines."""
    people = _people(system)
    staff, owner = people["staff"], people["owner"]
    readers = "\n".join(
        f"  {'Readers' if not index else '':<12} {row['page']}   {row['label']}, {row['id']}"
        for index, row in enumerate(_readers(system, people))
    )
    return f"""
Everything answers after {seconds:.1f} s.

  Tenant       {system.base_url}/login
               {owner["email"]}   password  {owner["password"]}
  Back office  {system.base_url}/admin/
               {staff["email"]}   password  {staff["password"]}
  API          {system.base_url}/api/v1/docs
               Authorization: Bearer {people["api_key"]}
  A new one    {system.base_url}/register
  Local Stripe {system.stripe_simulator}   cards 4242 4242 4242 4242, declined 4000 0000 0000 0002
  CardPointe   {system.cardpointe_simulator}   4788 2500 0012 1443, declined 4387 7511 1111 1038
{readers}
               tap a card there; start one: python docs/examples/pos.py --help
  Mails        {system.mail_dir}
  Logs         {system.log("web").parent}

Ctrl-C ends everything; what was stored stays in {system.state_dir}."""


def webhook_secret(state_dir: Path) -> str:
    """Return the secret that the local Stripe signs with; the same at every start."""
    file = state_dir / "webhook-secret"
    if not file.exists():
        write_private(file, f"whsec_{secrets.token_hex(24)}")
    return file.read_text()


def write_private(file: Path, text: str) -> None:
    """Write a file that nobody else can read, whole or not at all."""
    draft = file.with_suffix(f"{file.suffix}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE), "w") as output:
        output.write(text)
    draft.replace(file)


def _readers(system: System, people: dict[str, Any]) -> list[dict[str, str]]:
    """Return each reader with its id, and the page on which a person holds a card to it."""
    pages = {
        "stripe": f"{system.stripe_simulator}/terminal/readers",
        "cardconnect": f"{system.cardpointe_simulator}/bolt/fts/readers",
    }
    return [
        {"provider": provider, **row, "page": f"{pages[provider]}/{row['external_id']}"}
        for provider, row in people["readers"].items()
    ]


def _people(system: System) -> dict[str, Any]:
    people: dict[str, Any] = json.loads(people_file(system).read_text())
    return people
