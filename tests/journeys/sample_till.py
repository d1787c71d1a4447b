"""The sample till as its readers have it: a file, not a module of ours."""

import importlib.util
from types import ModuleType

from tests.journeys.workplace import ROOT

POS = ROOT / "docs" / "examples" / "pos.py"


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("pos", POS)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


pos = _load()
