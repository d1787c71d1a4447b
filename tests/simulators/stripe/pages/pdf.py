"""A PDF written by hand: a few lines of text on as many pages as they need.

Source: ISO 32000-1, 7.5 (file structure) and 9.6.2.2 (the standard fonts).
"""

from collections.abc import Sequence
from dataclasses import dataclass

_WIDTH, _HEIGHT, _MARGIN = 595, 842, 56
_LEADING = 18
_PER_PAGE = (_HEIGHT - 2 * _MARGIN) // _LEADING


@dataclass(frozen=True)
class Line:
    """A line of text, with another one at the right margin."""

    left: str
    right: str = ""
    bold: bool = False


def _text(value: str) -> bytes:
    """Return a string in the encoding of the fonts, escaped as PDF wants it."""
    raw = value.encode("cp1252", "replace")
    for special in (b"\\", b"(", b")"):
        raw = raw.replace(special, b"\\" + special)
    return raw.replace(b"\r", b" ").replace(b"\n", b" ")


def _shown(line: Line, height: int) -> bytes:
    font = b"/F2" if line.bold else b"/F1"
    out = b"BT %s 11 Tf %d %d Td (%s) Tj ET\n" % (font, _MARGIN, height, _text(line.left))
    if line.right:
        # Helvetica's digits are 0.556 of its size wide, and amounts are digits.
        start = _WIDTH - _MARGIN - round(len(line.right) * 11 * 0.556)
        out += b"BT %s 11 Tf %d %d Td (%s) Tj ET\n" % (font, start, height, _text(line.right))
    return out


def _stream(lines: Sequence[Line]) -> bytes:
    top = _HEIGHT - _MARGIN
    content = b"".join(_shown(line, top - row * _LEADING) for row, line in enumerate(lines))
    return b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content)


def _font(name: bytes) -> bytes:
    return b"<< /Type /Font /Subtype /Type1 /BaseFont /%s /Encoding /WinAnsiEncoding >>" % name


def document(title: str, lines: Sequence[Line]) -> bytes:
    """Return a whole PDF file."""
    pages = [lines[at : at + _PER_PAGE] for at in range(0, len(lines), _PER_PAGE)] or [[]]
    # 1 catalog, 2 page tree, 3 and 4 fonts, 5 information, then each page with its content.
    kids = b" ".join(b"%d 0 R" % (6 + 2 * number) for number in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R /Lang (en) >>",
        b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, len(pages)),
        _font(b"Helvetica"),
        _font(b"Helvetica-Bold"),
        b"<< /Title (%s) /Producer (Simulator) >>" % _text(title),
    ]
    for number, shown in enumerate(pages):
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %d %d] /Contents %d 0 R "
            b"/Resources << /Font << /F1 3 0 R /F2 4 0 R >> >> >>"
            % (_WIDTH, _HEIGHT, 7 + 2 * number)
        )
        objects.append(_stream(shown))
    return _file(objects)


def _file(objects: Sequence[bytes]) -> bytes:
    # The comment of four high bytes tells transports that the file is not text.
    out, offsets = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n", []
    for number, content in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    size = len(objects) + 1
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return out + (
        b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R /Info 5 0 R >>\n"
        b"startxref\n%d\n%%%%EOF\n" % (size, table, size, len(out))
    )
