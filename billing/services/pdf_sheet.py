"""A sheet of A4 as our documents use it: fonts for every script, emphasis, the foot of a page."""

import contextlib
import unicodedata
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from fpdf import FPDF
from fpdf.enums import Align, XPos, YPos

from billing.services import pdf_fonts

LEFT: Final = 18.0
TOP: Final = 18.0
LINE: Final = 5.2
BLACK: Final = (20, 24, 31)
GREY: Final = (90, 97, 106)

_FONT = "Noto"


class Sheet(FPDF):
    """Pages with a note and their number at the foot; lengths in millimetres."""

    def __init__(self, *, text: str, made_at: datetime, title: str, author: str, note: str) -> None:
        """Load what is needed to print `text`.

        `made_at` takes the place of the time of printing, which would make each file another one.
        """
        super().__init__(format="A4")
        self._note = clean(note)
        self.set_margins(LEFT, TOP)
        self.set_auto_page_break(auto=True, margin=24)
        self.set_creation_date(made_at)
        self.set_title(clean(title))
        self.set_author(clean(author))
        self.set_lang("en")
        self.add_font(_FONT, fname=pdf_fonts.main_font())
        self.add_font(_FONT, style="B", fname=pdf_fonts.bold_font())
        further = pdf_fonts.fallbacks_for(clean(text))
        names = [f"further{number}" for number, _ in enumerate(further)]
        for name, path in zip(names, further, strict=True):
            self.add_font(name, fname=path)
        if names:
            self.set_fallback_fonts(names, exact_match=False)
        self.set_text_shaping(use_shaping_engine=True)
        self.set_font(_FONT, size=10)
        self.add_page()

    def footer(self) -> None:
        """Write the foot of a page; called by the library."""
        self.set_y(-16)
        self.size(8)
        self.set_text_color(*GREY)
        self.cell(w=self.epw - 30, h=5, text=self._note)
        self.cell(w=30, h=5, text=f"Page {self.page_no()} of {{nb}}", align=Align.R)
        self.set_text_color(*BLACK)

    def size(self, points: float) -> None:
        """Set the size of what follows."""
        self.set_font_size(points)

    @contextlib.contextmanager
    def bold(self) -> Iterator[None]:
        """Write in bold; scripts with a font of their own stay as they are."""
        self.set_font(_FONT, style="B")
        try:
            yield
        finally:
            self.set_font(_FONT, style="")

    @contextlib.contextmanager
    def muted(self) -> Iterator[None]:
        """Write in grey."""
        self.set_text_color(*GREY)
        try:
            yield
        finally:
            self.set_text_color(*BLACK)

    def row(self, text: str, *, width: float = 0, height: float = LINE) -> None:
        """Write one line and go to the next, at the same left edge."""
        self._say_font()
        self.cell(w=width, h=height, text=clean(text), new_x=XPos.LEFT, new_y=YPos.NEXT)

    def paragraph(self, text: str, *, width: float) -> None:
        """Write as many lines as it takes, at the same left edge."""
        self._say_font()
        self.multi_cell(
            w=width, h=LINE, text=clean(text), align=Align.L, new_x=XPos.LEFT, new_y=YPos.NEXT
        )

    def right(self, text: str, *, width: float, height: float = LINE) -> None:
        """Write towards a right edge, and stay on the line."""
        self._say_font()
        self.cell(w=width, h=height, text=clean(text), align=Align.R)

    def _say_font(self) -> None:
        """Name the font anew: after letters of another one the library forgets the size.

        It says nothing when the size is the one it remembers.
        """
        size = self.font_size_pt
        self.set_font_size(size + 1)
        self.set_font_size(size)


def clean(text: str) -> str:
    """Return text with its marks composed, and without characters that print nothing."""
    composed = unicodedata.normalize("NFC", text)
    return "".join(letter if letter.isprintable() else " " for letter in composed).strip()


def day(moment: datetime | None) -> str:
    """Return a date as it is read; empty for none."""
    return f"{moment:%-d %B %Y}" if moment else ""
