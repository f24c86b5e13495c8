"""Damaged and hostile files: the codes of the specification, and a page that goes on answering."""

import gzip
import random

import pytest
from chromium import SAMPLE, until

import hstamp
from hstamp.convert.stamps import Options
from hstamp.errors import CODES
from hstamp.viewer.pieces import Pieces, Spool


def long(value):
    """Avro's zig-zag long."""
    rest, out = (value << 1) ^ (value >> 63), bytearray()
    while rest > 127:
        out.append(rest % 128 + 128)
        rest //= 128
    return bytes([*out, rest])


def damaged(number):
    """The sample with a few bytes changed, cut off, repeated or set to a huge length."""
    data, random_ = bytearray(SAMPLE.read_bytes()), random.Random(number)
    at = random_.randrange(len(data))
    kind = number % 5
    if kind == 0:
        for _ in range(3):
            data[random_.randrange(len(data))] ^= 1 << random_.randrange(8)
    elif kind == 1:
        del data[at:]
    elif kind == 2:
        data[at:at] = data[at : at + random_.randrange(5000)]
    elif kind == 3:
        data[at : at + 9] = long(random_.choice([-1, 2**31, 2**62, -(2**62)]))
    else:
        at = random_.randrange(4000)  # in the header
        data[at] = random_.randrange(256)
    return bytes(data)


def crafted():
    """Files that claim more than they hold; for each the code that is said."""
    header = SAMPLE.read_bytes()
    end = header.index(b"hstamp-sample-15") + 16
    head, sync = header[:end], b"hstamp-sample-15"
    bomb = gzip.compress(bytes(120 * 2**20), 6)
    return {
        "claims.avro": (head + long(2**60) + long(10) + bytes(10) + sync, "E_AVRO"),
        "block.avro": (head + long(1) + long(2**40) + bytes(10) + sync, "E_LIMIT"),
        "negative.avro": (head + long(-5) + long(10) + bytes(10) + sync, "E_AVRO"),
        "sync.avro": (head + long(1) + long(3) + b"abc" + bytes(16), "E_AVRO"),
        "header.avro": (b"Obj\x01" + long(2**40), "E_AVRO"),
        "bomb.avro.gz": (bomb, "E_LIMIT"),
        "half.avro.gz": (gzip.compress(header)[:900], "E_MAGIC"),
        "nothing": (b"", "E_MAGIC"),
    }


BEAT = """() => {
  window.longest = 0;
  let last = performance.now();
  const beat = () => {
    const now = performance.now();
    window.longest = Math.max(window.longest, now - last);
    last = now;
    setTimeout(beat, 0);
  };
  beat();
}"""


def verdicts(page):
    return page.evaluate(
        "window.hstampViewer.library.files.map((f) =>"
        " [f.name, f.faults.map((fault) => fault.code), f.stamps])"
    )


def test_crafted_files_get_their_codes(browser, tmp_path):
    files = crafted()
    for name, (data, _) in files.items():
        (tmp_path / name).write_bytes(data)
    page = browser.open()
    page.evaluate(BEAT)
    browser.drop(*(tmp_path / name for name in files))
    until(page, f"document.querySelectorAll('#files > li').length === {len(files)}")
    found = {name: codes[:1] for name, codes, _ in verdicts(page)}
    assert found == {name: [code] for name, (_, code) in files.items()}
    # What unpacks to 120 MiB does not get into the page's memory.
    heap = "performance.memory.usedJSHeapSize"
    until(page, f"(gc(), {heap} < 60e6)")
    assert page.evaluate("window.longest") < 10_000
    # The page still works.
    page.click("#sample")
    until(page, "window.hstampViewer.current().loaded.parts.length === 3")


def test_damaged_files_cost_themselves_alone(browser, tmp_path):
    paths = [tmp_path / f"{number}.avro" for number in range(60)]
    for number, path in enumerate(paths):
        path.write_bytes(damaged(number))
    page = browser.open()
    browser.drop(*paths)
    until(page, f"document.querySelectorAll('#files > li').length === {len(paths)}")
    until(page, "!window.hstampViewer.busy()")
    for path, (name, codes, stamps) in zip(paths, verdicts(page), strict=True):
        assert name == path.name
        assert set(codes) <= set(CODES)
        # Python finds as many stamps as the page; where it finds a fault, so does the page.
        items = list(hstamp.read_stamps(path, errors="collect"))
        assert stamps == sum(isinstance(item, hstamp.files.Found) for item in items), name
        faults = [i.error.code for i in items if isinstance(i, hstamp.files.Fault)]
        assert codes[:1] == faults[:1], name
    assert browser.errors == []


def test_hostile_files_are_read_by_the_server_and_end(shared, tmp_path):
    folder = shared.parent / "hostile"
    if not folder.is_dir():
        pytest.skip("the hostile files are not here")
    paths = sorted(folder.iterdir())
    assert paths
    for path in paths:
        said = []
        spool = Spool()
        made, number = Pieces(path, Options(), spool, said.append), 0
        while made.piece(number) is not None:
            number += 1
        spool.close()
        assert number < 100
        assert all(line.startswith(str(path)) for line in said)
