"""Text out of files, before a terminal or a spreadsheet sees it."""

import csv
import io
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hstamp.text import printable, safe_cell

_TURNS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, é, 星", "plain, é, 星"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("\x9b31m", r"\x9b31m"),
        ("a\nb\rc\td\0\x7f", r"a\x0ab\x0dc\x09d\x00\x7f"),
        ("left \u202e thgir", r"left \u202e thgir"),
        ("\u2066\u2069\u200f\ufeff\u2028", r"\u2066\u2069\u200f\ufeff\u2028"),
        (b"caf\xe9.avro".decode("utf-8", "surrogateescape"), r"caf\xe9.avro"),
        ("\ud800", r"\ud800"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_control_characters_are_shown_as_escapes(text, shown):
    assert printable(text) == shown


@given(st.text())
def test_what_is_printable_can_be_encoded_and_stays(text):
    once = printable(text)
    once.encode("utf-8")
    assert printable(once) == once
    assert not {unicodedata.category(c) for c in once} & {"Cc", "Cs", "Zl", "Zp"}
    assert not {unicodedata.bidirectional(c) for c in once} & _TURNS
    assert printable("a\nb\t\x1b", keep="\n\t") == "a\nb\t\\x1b"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1"])
def test_formulas_become_text(text):
    assert safe_cell(text) == f"'{text}"
    out = io.StringIO()
    csv.writer(out).writerow([safe_cell(text)])
    assert next(csv.reader(io.StringIO(out.getvalue(), newline=""))) == [f"'{text}"]


@pytest.mark.parametrize("text", ["", "ZTF18abc", "1.5", "a=b", "170000/science"])
def test_other_cells_stay(text):
    assert safe_cell(text) == text
