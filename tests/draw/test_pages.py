"""Pages of the reports: what they compare first, and pictures that enlarge without a script."""

from __future__ import annotations

import re

from hstamp.demo.report import Card, Row, page
from hstamp.export.pages import enlarging


def made() -> str:
    rows = [Row("1", "r", 10.0, 3 * 34_560, 3 * 4_700, 3 * 838_080)]
    cards = [Card("<1>", "r", 10.0, "<svg></svg>", "<svg></svg>", 34_560, 4_700)]
    return page(rows, cards, "data:image/png;base64,AAAA", ["$ hstamp convert a"])


def test_the_cutout_as_sent_is_compared_first() -> None:
    facts = re.findall(r'<div class="fact"><b>([^<]*)</b>', made())
    assert facts[:3] == ["34,560 bytes", "4,700 bytes", "7.4 ×"]
    heads = re.findall(r"<th>([^<]*)</th>", made())
    assert heads.index("today") < heads.index("stamps") < heads.index("wide")
    cells = re.findall(r"<td>([^<]*)</td>", made())
    assert cells[3:7] == ["103,680", "14,100", "7.4", "2,514,240"]


def test_every_picture_opens_and_closes() -> None:
    text = made()
    figures = re.findall(r'<figure id="([^"]+)"', text)
    assert figures == ["one-stamp", "alert-0"]
    for name in figures:
        assert text.count(f'href="#{name}"') == 1
        assert text.count(f'href="#{name}-back"') == text.count(f'id="{name}-back"') == 1
    assert "figure:target" in text
    assert "<script" not in text


def test_page_fits_a_phone() -> None:
    text = made()
    assert 'content="width=device-width, initial-scale=1"' in text
    # No column is wider than the page, however narrow that is.
    columns = re.findall(r"minmax\(([^;]*?), 1fr\)", text)
    assert columns
    for least in columns:
        assert re.fullmatch(r"min\(\d+px, 100%\)", least)


def test_names_cannot_leave_their_place() -> None:
    text = enlarging('a"><b', "x", kind='k"')
    assert '"><b' not in text
    assert "&lt;1&gt;" in made()
