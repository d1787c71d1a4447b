"""The fonts of our documents: Noto Sans, and whichever other Noto the text needs.

They come with packages, as files; nothing is asked of the system.
"""

import atexit
import functools
import shutil
import tempfile
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from fontTools.ttLib import TTFont  # type: ignore[import-untyped] # ships no types
from fontTools.varLib import instancer  # type: ignore[import-untyped] # likewise

_MAIN = "NotoSans[wght].ttf"
_SLANTED = "NotoSans-Italic[wght].ttf"
_BOLD = 700
# How letters are placed beside and over each other. Latin, Greek and Cyrillic do without, and to
# work it out for another weight takes seconds.
_PLACEMENT = ("GPOS", "GSUB", "GDEF")


def main_font() -> Path:
    """Return the font that everything is set in: Latin, Greek and Cyrillic."""
    return _folder("manimgx_fonts") / _MAIN


@functools.cache
def bold_font() -> Path:
    """Return the main font in bold, made once for each process and gone with it."""
    font = TTFont(main_font(), recalcTimestamp=False)
    for table in _PLACEMENT:
        del font[table]
    folder = tempfile.mkdtemp(prefix="till-fonts-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = Path(folder) / "bold.ttf"
    instancer.instantiateVariableFont(font, {"wght": _BOLD}).save(path)
    return path


def fallbacks_for(text: str) -> Sequence[Path]:
    """Return the fonts for those characters of a text that the main one does not have.

    Each costs time to load (the one for Chinese, Japanese and Korean a second), so only those that
    are needed.
    """
    missing = {ord(character) for character in text if not character.isspace()}
    missing -= characters_of(main_font())
    needed = []
    for path in _others():
        if not missing:
            break
        found = missing & characters_of(path)
        if found:
            needed.append(path)
            missing -= found
    return needed


@functools.cache
def characters_of(path: Path) -> frozenset[int]:
    """Return the code points that a font has."""
    with TTFont(path, lazy=True) as font:
        return frozenset(font.getBestCmap())


@functools.cache
def _others() -> Sequence[Path]:
    """Return the further fonts, those of scripts before symbols, the largest last."""
    by_script = sorted(_folder("manimgx_fonts").glob("*.ttf"), key=_rank)
    scripts = [path for path in by_script if path.name not in (_MAIN, _SLANTED)]
    return [*scripts, *_folder("noto_cjk_sans_jp_regular").glob("*.otf")]


def _rank(path: Path) -> tuple[bool, str]:
    return ("Symbols" in path.name or "Emoji" in path.name, path.name)


def _folder(package: str) -> Path:
    return Path(str(resources.files(package)))
