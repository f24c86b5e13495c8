"""The proposal, its summary and its slides, as HTML and PDF: ``python docs/proposal/build.py OUT``.

Texts are templates in Markdown; numbers come from `numbers_of.Numbers`, and one that is missing is
an error. WeasyPrint makes the PDF; where it or its libraries are missing, HTML alone is written,
and a line says so.
"""

from __future__ import annotations

import argparse
import base64
import datetime
import mimetypes
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import jinja2
from markdown_it import MarkdownIt

HERE: Final = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from figures import bytes_svg, shares_svg  # noqa: E402
from numbers_of import Numbers, estimate  # noqa: E402

FIGURES: Final = HERE.parent / "figures"
DOCUMENTS: Final = {
    "proposal": "Hierarchical stamps for Rubin's alerts",
    "summary": "Hierarchical stamps for Rubin's alerts: summary",
    "slides": "Hierarchical stamps for Rubin's alerts: slides",
}
CONSTANTS: Final = {
    "TODAY": "v11 today (three 30x30 cutouts)",
    "NONE": "v11 without any stamp",
    "BESIDE": "v11 with three new stamps beside",
    "INSTEAD": "v11, new stamps instead",
    "FITS": "LSST FITS",
    "STAMP": "hstamp n=5 complete, i2",
    "MASKED": "hstamp n=5 complete with 8-plane mask, i2",
    "IMAGE": "hstamp n=5 image only, i2",
    "LASAIR": "Lasair: primary HDU, lz4 (image only)",
    "OPEN": "fits.open, 3 planes",
}
"""Names of rows of the benchmarks."""
ALERTS: Final = (
    ("today, three cutouts", "v11 today (three 30x30 cutouts)"),
    ("three five-level stamps beside them", "v11 with three new stamps beside"),
    ("three five-level stamps instead", "v11, new stamps instead"),
    ("the same with eight mask planes", "v11, new stamps with mask instead"),
    ("without any image", "v11 without any stamp"),
)
CODECS: Final = ("snappy", "zstd")
PEERS: Final = (
    ("cutout as built, 6″", "LSST FITS"),
    ("Lasair's, image alone, 6″", "Lasair: primary HDU, lz4 (image only)"),
    ("DELIGHT, 5×30×30 int16, 96″", "DELIGHT 5x30x30, int16"),
    ("JPEG-XL of the image, 48″", "48 arcsec window, image: JPEG-XL, lossless on integers"),
    ("stamp, 48″, with mask", "hstamp n=5 complete with 8-plane mask, i2"),
    ("stamp, 48″", "hstamp n=5 complete, i2"),
    ("stamp, 48″, image alone", "hstamp n=5 image only, i2"),
)
PACKED: Final = (
    "cutout as built, 6″",
    "stamp, 48″, with mask",
    "stamp, 48″",
    "stamp, 48″, image alone",
)
"""Of these the benchmarks have sizes after compression."""
FLUXES: Final = (
    ("star, 1″", "star", "1 arcsec"),
    ("star, 3″", "star", "3 arcsec"),
    ("star, 5″", "star", "5 arcsec"),
    ("galaxy, 1″", "galaxy", "1 arcsec"),
    ("galaxy, 3″", "galaxy", "3 arcsec"),
    ("galaxy, Kron", "galaxy", "Kron"),
)


PAGES: Final = {"proposal": (8, 12), "summary": (1, 2), "slides": (8, 8)}
"""Least and most pages of the PDF of each document."""
REFERENCES: Final = (
    "F. Förster et al., *Fixing the LSST image stamps*, proposal.",
    "M. L. Graham, L. P. Guy, E. C. Bellm and the DM System Science Team 2023, *Options for Alert"
    " Packets*, [DMTN-248](https://dmtn-248.lsst.io), version 1.",
    "M. Jurić et al., *Data Products Definition Document*, [LSE-163](https://lse-163.lsst.io),"
    " [10.71929/rubin/2587118](https://doi.org/10.71929/rubin/2587118). Read as LaTeX, commit"
    " 56b05036 of lsst/LSE-163.",
    "Rubin Observatory, *Alert packets*, tutorial 201.1 of lsst/tutorial-notebooks, Prompt: the"
    " missing `CTYPE` “will be fixed soon”.",
    "F. Förster et al. 2022, *DELIGHT: Deep Learning Identification of Galaxy Hosts of Transients"
    " using Multiresolution Images*, [10.3847/1538-3881/ac912a]"
    "(https://doi.org/10.3847/1538-3881/ac912a).",
    "I. Reyes-Jainaga et al. 2023, *Multiscale stamps for real-time classification of alert"
    " streams*, [10.3847/2041-8213/ace77e](https://doi.org/10.3847/2041-8213/ace77e).",
    "DEBASS, [10.48550/arXiv.2508.10878](https://doi.org/10.48550/arXiv.2508.10878); hosts of"
    " DEBASS and Foundation: tables of Pripriiiii/Host-Properties.",
    "Fink: astrolabsoftware/fink-broker, pull request 922 (2024). Babamul: boom-astro/boom,"
    " issue 357 (2026).",
    "R. D. Williams et al. 2024, *Lasair*,"
    " [10.1093/rasti/rzae024](https://doi.org/10.1093/rasti/rzae024).",
)


def column(row: dict[str, str], begins: str) -> str:
    """Give the cell of a row whose heading begins so."""
    for name, cell in row.items():
        if name.startswith(begins):
            return cell
    raise KeyError(f"no column {begins!r} among {', '.join(row)}")


def filters() -> dict[str, Callable[..., str]]:
    """How numbers are written."""
    return {
        "i": lambda v: f"{v:,.0f}",
        "r": lambda v: f"{v:,.0f}",
        "f1": lambda v: f"{v:,.1f}",
        "f2": lambda v: f"{v:,.2f}",
        "f3": lambda v: f"{v:+.3f}",
        "g2": lambda v: f"{v:.2g}",
        "places": lambda v, digits: f"{v:,.{digits}f}",
        "column": column,
        "before": lambda text, mark: text.partition(mark)[0].strip(),
    }


def embedded(path: Path) -> str:
    """Address that holds the picture itself, so that a document is one file."""
    kind = mimetypes.guess_type(path.name)[0]
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"


def bytes_figure(n: Numbers) -> str:
    """Drawing of the bytes of one image, in this and other forms."""
    rows = []
    for label, name in PEERS:
        packed = [n.bytes_of(name, codec) if label in PACKED else None for codec in CODECS]
        rows.append((label, n.bytes_of(name), packed[0], packed[1]))
    return f'<figure class="bars">{bytes_svg(rows)}</figure>'


def hosts_figure(n: Numbers) -> str:
    """Drawing of the shares of answers that miss the host, from the table of the results.

    Rows of what was not run are left out.
    """
    table = n.table("reference_model_results.md", "deep")
    columns = [name for name in table[0] if name != "input"]
    rows = [
        (row["input"].partition(":")[0].partition(", the catalogue")[0],
         [estimate(row[column]) for column in columns])
        for row in table
        if not any(cell.startswith(("not run", "-")) for cell in row.values())
    ]  # fmt: skip
    return f'<figure class="bars">{shares_svg(columns, rows)}</figure>'


def context(date: str) -> dict[str, Any]:
    """What the templates see."""
    n = Numbers()
    figures: dict[str, int] = {}
    tables: dict[str, int] = {}
    open_time = n.result("decode", "stamps", CONSTANTS["OPEN"])
    today = HERE / "figures" / "today.png"
    cutouts = n.alert(CONSTANTS["TODAY"]) - n.alert(CONSTANTS["NONE"])
    complete = n.bytes_of(CONSTANTS["STAMP"])
    return {
        **CONSTANTS,
        "n": n,
        "ALERTS": ALERTS,
        "FLUXES": FLUXES,
        "date": date,
        "nights": n.result("bytes", "alerts", "nights"),
        "today_arcsec": round(n.result("bytes", "rows", CONSTANTS["FITS"], "field [arcsec]")),
        "wide_arcsec": round(n.result("bytes", "rows", CONSTANTS["STAMP"], "field [arcsec]")),
        "sky_ratio": round((n.layout().side / n.fact("dpdd_pixels")) ** 2),
        "cutout_share": 100.0 * cutouts / n.alert(CONSTANTS["TODAY"]),
        "overhead": n.overhead(),
        "rubin_detectors": n.cell("rubin.md", "a visit", 0).removeprefix("a visit: "),
        "speed": lambda name: open_time / n.result("decode", "stamps", name),
        "quality": lambda kind, name, what: n.result("quality", "core, i2")[kind][name][what],
        "fig": lambda name: figures.setdefault(name, len(figures) + 1),
        "tab": lambda name: tables.setdefault(name, len(tables) + 1),
        "REFERENCES": REFERENCES,
        "has_today": today.is_file(),
        "today_figure": embedded(today) if today.is_file() else "",
        "hero_figure": embedded(FIGURES / "hero.png"),
        "levels_figure": embedded(FIGURES / "geometry" / "levels.svg"),
        "bytes_figure": bytes_figure(n),
        "hosts_figure": hosts_figure(n),
        "complete": complete,
    }


def render(name: str, values: dict[str, Any]) -> str:
    """HTML of a document."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - the result is Markdown, from our own templates
        keep_trailing_newline=True,
    )
    environment.filters.update(filters())
    markdown = environment.get_template(f"{name}.md.j2").render(values)
    parser = MarkdownIt("commonmark", {"html": True}).enable("table")
    # Pictures are part of the document, SVG too, which the parser takes for no picture.
    parser.validateLink = lambda address: True  # type: ignore[method-assign]
    body = parser.render(markdown)
    style = (HERE / "style.css").read_text(encoding="utf-8")
    if name == "slides":
        pages = body.split("<hr />")
        body = "\n".join(f"<section>{page}</section>" for page in pages)
        style += (HERE / "slides.css").read_text(encoding="utf-8")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{DOCUMENTS[name]}</title>\n<style>\n{style}</style>\n</head>\n"
        f'<body class="{name}">\n<main>\n{body}</main>\n</body>\n</html>\n'
    )


def build(out: Path, date: str) -> list[Path]:
    """Write all documents and return their paths."""
    out.mkdir(parents=True, exist_ok=True)
    made = []
    for name in DOCUMENTS:
        page = out / f"{name}.html"
        page.write_text(render(name, context(date)), encoding="utf-8")
        made.append(page)
    try:
        import weasyprint
    except (ImportError, OSError) as exc:
        print(f"no PDF: WeasyPrint is not usable ({exc})", file=sys.stderr)
        return made
    for page in list(made):
        document = weasyprint.HTML(filename=str(page)).render()
        least, most = PAGES[page.stem]
        if not least <= len(document.pages) <= most:
            raise ValueError(
                f"{page.stem} has {len(document.pages)} pages, not {least} to {most}: shorten it"
            )
        document.write_pdf(page.with_suffix(".pdf"))
        made.append(page.with_suffix(".pdf"))
    return made


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--date", default=datetime.date.today().isoformat())
    options = parser.parse_args()
    for path in build(options.out, options.date):
        print(path)


if __name__ == "__main__":
    main()
