"""Tables of hosts and classes beside the pictures, and the crosshair on candidates."""

import csv

import pytest
from chromium import until

NUMBER = 170000000000000000
FIRST = "window.hstampViewer.library.alerts[0]"


def place(page):
    return page.evaluate(f"(({{ ra, dec }}) => [ra, dec])({FIRST})")


def write_hosts(path, ra, dec, offsets):
    """Candidates that far north of the source [arcsec], with their probabilities."""
    row = {
        "alert_id": NUMBER, "image": "template", "band": "g", "levels": 5, "ra": ra, "dec": dec,
        "p_none": 0.12,
    }  # fmt: skip
    for rank, (north, p) in enumerate(offsets, start=1):
        end = "" if rank == 1 else f"_{rank}"
        values = {
            "host_ra": ra, "host_dec": dec + north / 3600, "offset": north, "p_host": p,
            "cov_ee": 0.04, "cov_en": 0, "cov_nn": 0.01, "offset_x": 5, "offset_y": 5,
        }  # fmt: skip
        row |= {name + end: value for name, value in values.items()}
    with path.open("w", newline="") as stream:
        stream.write("# remark\n")
        writer = csv.DictWriter(stream, list(row))
        writer.writeheader()
        writer.writerow(row)


def opened(browser, tmp_path, offsets):
    page = browser.open(sample=True)
    write_hosts(tmp_path / "hosts.csv", *place(page), offsets)
    browser.drop(tmp_path / "hosts.csv")
    until(page, "document.getElementById('facts').innerText.includes('P(none)')")
    return page


def crosshair(page):
    return page.evaluate(
        "(({ ra, dec, placed }) => [ra, dec, placed])(window.hstampViewer.state.cursor)"
    )


def test_candidates_and_classes_are_matched_by_identifier(browser, tmp_path):
    page = opened(browser, tmp_path, [(3.6, 0.83)])
    ra, dec = place(page)
    (tmp_path / "classes.csv").write_text(f"alert_id,p_sn,p_agn,class\n{NUMBER},0.25,0.75,AGN\n")
    browser.drop(tmp_path / "classes.csv")
    until(page, "document.getElementById('facts').innerText.includes('AGN 0.75')")
    words = page.inner_text("#facts")
    assert "3.6\u2033 away, P 0.83" in words
    assert "P(none) 0.12" in words
    assert words.index("AGN 0.75") < words.index("SN 0.25")
    # The crosshair goes to the candidate, 3.6 arcseconds north of the source.
    page.keyboard.press("g")
    cursor = crosshair(page)
    assert cursor[:2] == pytest.approx([ra, dec + 0.001], abs=1e-9)
    assert cursor[2] == "candidate 1"


def test_all_candidates_are_listed_and_the_crosshair_steps_through_them(browser, tmp_path):
    norths = [(3.6, 0.6), (-7.2, 0.25), (10.8, 0.02)]
    page = opened(browser, tmp_path, norths)
    _, dec = place(page)
    lines = page.eval_on_selector_all(".candidates li", "nodes => nodes.map((n) => n.textContent)")
    assert [line.split("P ")[1] for line in lines] == ["0.60", "0.25", "0.02"]
    found = []
    for _ in range(4):
        page.keyboard.press("g")
        found.append(crosshair(page))
    north = [(one[1] - dec) * 3600 for one in found]
    assert north == pytest.approx([3.6, -7.2, 10.8, 3.6], abs=1e-4)
    assert [one[2] for one in found] == [f"candidate {n}" for n in (1, 2, 3, 1)]
    assert "candidate 1 of 3, probability 0.60" in page.inner_text("#status")
    page.click(".candidates li:nth-child(2) button")
    assert crosshair(page)[2] == "candidate 2"


def test_a_label_says_which_candidate_it_took(browser, tmp_path):
    page = opened(browser, tmp_path, [(3.6, 0.6), (-7.2, 0.25)])
    _, dec = place(page)
    page.keyboard.press("e")
    page.keyboard.type("ada")
    page.keyboard.press("Enter")
    # Hidden candidates are neither in the picture nor in the words, and no key goes to them.
    assert page.locator(".candidates").count() == 0
    assert "hidden while you label" in page.inner_text("#facts")
    page.keyboard.press("g")
    assert page.evaluate("window.hstampViewer.state.cursor") is None
    assert "hide candidates" in page.inner_text("#status")
    page.uncheck("#blind")
    page.locator("#blind").blur()
    assert page.locator(".candidates li").count() == 2
    page.keyboard.press("g")
    page.keyboard.press("g")
    page.keyboard.press("Enter")
    until(page, "window.hstampViewer.labelling.labels.all.length === 1")
    (label,) = page.evaluate("window.hstampViewer.labelling.labels.all")
    assert label["placed"] == "candidate 2"
    assert (label["dec"] - dec) * 3600 == pytest.approx(-7.2, abs=1e-4)


def test_lines_of_candidates_say_how_likely_they_are(browser, tmp_path):
    page = opened(browser, tmp_path, [(3.6, 0.6), (-7.2, 0.25), (10.8, 0.02)])
    drawn = page.evaluate(
        "window.hstampViewer.drawnCandidates().map(({ rank, dash, alpha, width, name }) =>"
        " [rank, dash.length, alpha, width, name])"
    )
    ranks, dashes, alphas, widths, names = zip(*drawn, strict=True)
    # The best lies over the others, and is the only one with a whole line.
    assert ranks == (3, 2, 1)
    assert dashes == (2, 2, 0)
    assert list(alphas) == sorted(alphas)
    assert list(widths) == sorted(widths)
    assert alphas[0] >= 0.5
    assert names == ("3", "2", "1: 0.60")
