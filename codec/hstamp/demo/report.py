"""The page of the demonstration: sizes, pictures, nothing from outside."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from .. import __version__
from ..export.pages import ENLARGE_STYLE, VIEWPORT, enlarging

__all__ = ["Card", "Row", "document", "page", "pair", "pictures"]


@dataclass(frozen=True)
class Row:
    """Sizes of one alert's three images [byte]: today's cutouts, the stamps, the parents."""

    id: str
    band: str
    offset: float
    today: int
    stamps: int
    parents: int


@dataclass(frozen=True)
class Card:
    """One alert of the gallery: today's cutout and the stamp's mosaic, as SVG."""

    id: str
    band: str
    offset: float
    cutout: str
    mosaic: str
    today: int
    stamp: int


_STYLE = """
:root { color-scheme: dark; --ink: #e8ecf2; --dim: #93a0b4; --line: #28313f; --card: #151b25;
  --page: #0d1118; --accent: #6cc5ff; --warm: #ffb454; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 40px 16px 80px; }
h1 { font-size: clamp(1.6rem, 5vw, 2.1rem); line-height: 1.2; margin: 0 0 .4em; }
h2 { margin: 2.2em 0 .5em; font-size: 1.35rem; }
p { max-width: 72ch; } .dim { color: var(--dim); } .tag { color: var(--warm); }
.facts { display: grid; gap: 14px; margin: 28px 0;
  grid-template-columns: repeat(auto-fit, minmax(min(210px, 100%), 1fr)); }
.fact { background: var(--card); border: 1px solid var(--line); border-radius: 12px;
  padding: 16px 18px; }
.fact b { display: block; font-size: 1.7rem; font-weight: 650; color: var(--accent);
  font-variant-numeric: tabular-nums; }
.hero { width: 100%; border-radius: 12px; background: #fff; }
.gallery { display: grid; gap: 18px;
  grid-template-columns: repeat(auto-fill, minmax(min(340px, 100%), 1fr)); }
figure.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px;
  padding: 12px; }
figure.card:target .pair { width: min(94vw, 140vh); }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 8px; }
svg { width: 100%; display: block; border-radius: 6px; background: #000; }
svg image { image-rendering: pixelated; }
svg rect { fill: none; stroke-width: 1; } svg .level { stroke: #6cc5ff; opacity: .45; }
svg .today { stroke: #ffb454; stroke-width: 1.6; }
svg .host { fill: none; stroke: #7ee787; stroke-width: 1.4; }
svg .bar, svg .arrow { stroke: #fff; stroke-width: 2.4; }
svg .head { fill: #fff; }
svg .bar, svg .arrow, svg .head { filter: drop-shadow(0 0 1px #000) drop-shadow(0 0 1px #000); }
svg text { fill: #fff; font: bold 15px system-ui, sans-serif; paint-order: stroke; stroke: #000c;
  stroke-width: 3px; }
svg .mid { text-anchor: middle; }
figcaption { margin-top: 8px; font-size: .86rem; display: flex; justify-content: space-between;
  flex-wrap: wrap; gap: 0 1em; }
.pair div { font-size: .78rem; color: var(--dim); }
.pair div b { color: var(--ink); font-weight: 600; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem;
  font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 5px 12px; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; } th { color: var(--dim); font-weight: 500; }
tfoot td { font-weight: 650; border-top: 2px solid var(--dim); }
code { background: var(--card); padding: .1em .35em; border-radius: 5px; font-size: .92em; }
.key span { white-space: nowrap; margin-right: 1.4em; }
.key i { display: inline-block; width: 12px; height: 12px; margin-right: .4em;
  border: 2px solid; vertical-align: -1px; }
"""


def document(title: str, body: str) -> str:
    """Wrap the body of a page that shows stamps: style, nothing from outside, no scripts.

    Parameters
    ----------
    title, body : str
        HTML.
    """
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
{VIEWPORT}
<title>{title}</title>
<style>{ENLARGE_STYLE}{_STYLE}</style>
<main>
{body}</main>
</html>
"""


def pictures(hero: str, figures: Iterable[str], key: str = "") -> str:
    """Sections of a page: one stamp at large, and a gallery.

    Parameters
    ----------
    hero : str
        Large picture, as a data URI.
    figures : iterable of str
        HTML of the gallery.
    key : str
        HTML that explains the marks in it.
    """
    large = enlarging(
        "one-stamp",
        f'<img class="hero" src="{hero}" alt="Levels, mosaic and other planes of one stamp">',
    )
    return f"""<h2>One stamp</h2>
{large}
<h2>Today's cutout, and the stamp</h2>
<p class="dim">A click enlarges a picture.</p>
{key}<div class="gallery">
{"".join(figures)}
</div>
"""


def pair(cutout: str, today: str, mosaic: str, stamp: str) -> str:
    """HTML of a cutout and a mosaic, SVG, and what is said of each."""
    return f"""<div class="pair">
<div>{cutout}today: {today}</div>
<div>{mosaic}stamp: {stamp}</div></div>"""


def page(rows: Sequence[Row], cards: Sequence[Card], hero: str, summary: Sequence[str]) -> str:
    """Write the report.

    Parameters
    ----------
    rows : sequence of Row
        One for each alert.
    cards : sequence of Card
    hero : str
        Large picture, as a data URI.
    summary : sequence of str
        Lines that ``hstamp convert`` and ``hstamp validate`` printed.
    """
    parents, now = sum(row.parents for row in rows), sum(row.today for row in rows)
    stamps = sum(row.stamps for row in rows)
    count = 3 * len(rows)
    outside = sum(row.offset > 3.0 for row in rows)
    key = """<p class="key"><span><i style="border-color:#ffb454"></i>today's 6″ cutout</span>
<span><i style="border-color:#6cc5ff"></i>other levels</span>
<span><i style="border-color:#7ee787;border-radius:50%"></i>simulated host's centre</span></p>
"""
    figures = (_figure(number, card) for number, card in enumerate(cards))
    body = f"""<h1>48 arcseconds in the values of 6</h1>
<p>A <em>hierarchical stamp</em> holds nested 15×15 grids around a source, each level with pixels
twice as large. Five levels are 900 values, as many as today's 30×30 cutout, and show 64 times the
sky: enough to see where the host galaxy is. <span class="tag">All skies on this page are
simulated</span>; the packets have the form of LSST alerts, and the stamps were made from them by
<code>hstamp convert</code>.</p>
<div class="facts">
<div class="fact"><b>{now / count:,.0f} bytes</b>today's 6″ cutout as it is sent: image,
variance, PSF, WCS; no mask</div>
<div class="fact"><b>{stamps / count:,.0f} bytes</b>a complete stamp of 48″: image, variance, mask
of 8 planes, PSF, WCS</div>
<div class="fact"><b>{now / stamps:,.1f} ×</b>fewer bytes than today's cutout, for 64 times the
sky</div>
<div class="fact"><b>{outside} of {len(rows)}</b>host centres lie more than 3″ from the source,
beyond the middle of today's edges</div>
</div>
{pictures(hero, figures, key)}<h2>Sizes</h2>
<p class="dim">Bytes of the three images of each alert. <em>Today</em> are the 30×30 cutouts in the
layout that LSST sends now, written from the same images; <em>wide</em> are FITS cutouts of 260×260
pixels, which nobody sends and from which the stamps were made. None is compressed.</p>
<div class="scroll"><table>
<thead><tr><th>alert</th><th>band</th><th>host offset</th><th>today</th><th>stamps</th>
<th>today / stamps</th><th>wide</th></tr></thead>
<tbody>
{"".join(_row(row) for row in rows)}
</tbody>
<tfoot><tr><td>{len(rows)} alerts</td><td></td><td></td><td>{now:,}</td><td>{stamps:,}</td>
<td>{now / stamps:.1f}</td><td>{parents:,}</td></tr></tfoot>
</table></div>
<h2>What the commands said</h2>
<p class="dim">The cutouts that <code>convert</code> counts are the wide ones.</p>
<pre class="scroll">{escape(chr(10).join(summary))}</pre>
<p class="dim">hstamp {escape(__version__)}, format 1.0.</p>
"""
    return document("Hierarchical stamps: demonstration", body)


def _figure(number: int, card: Card) -> str:
    both = pair(
        card.cutout, f"<b>6″</b>, {card.today:,} bytes",
        card.mosaic, f"<b>48″</b>, {card.stamp:,} bytes",
    )  # fmt: skip
    caption = (
        f'<span>{escape(card.id)}</span><span class="dim">{escape(card.band)}, host at'
        f" {card.offset:.1f}″</span>"
    )
    return enlarging(f"alert-{number}", both, caption=caption, kind="card")


def _row(row: Row) -> str:
    return (
        f"<tr><td>{escape(row.id)}</td><td>{escape(row.band)}</td><td>{row.offset:.1f}″</td>"
        f"<td>{row.today:,}</td><td>{row.stamps:,}</td><td>{row.today / row.stamps:.1f}</td>"
        f"<td>{row.parents:,}</td></tr>\n"
    )
