"""Who does not see the page, or not its colours, and who has no mouse."""

import re
from itertools import combinations

import numpy as np
import pytest
from chromium import until

ROLES = {
    "button", "checkbox", "combobox", "textbox", "searchbox", "spinbutton", "link", "listbox",
    "option", "image", "toolbar", "dialog", "navigation", "region", "meter", "DisclosureTriangle",
}  # fmt: skip
SHOWN = {"RootWebArea", "WebArea"}


def start_labelling(page):
    """By keys alone: who it is is asked for first."""
    page.keyboard.press("e")
    page.keyboard.type("ada")
    page.keyboard.press("Enter")


def tree(browser):
    devtools = browser.context.new_cdp_session(browser.page)
    nodes = devtools.send("Accessibility.getFullAXTree")["nodes"]
    devtools.detach()
    found = []
    for node in nodes:
        if node.get("ignored"):
            continue
        told = {p["name"]: p["value"].get("value") for p in node.get("properties", [])}
        name = node.get("name", {}).get("value", "").strip()
        found.append((node["role"]["value"], name, told))
    return found


@pytest.mark.parametrize("state", ["plain", "labels", "keys", "report", "comparison"])
def test_every_control_has_a_role_and_a_name(browser, state):
    page = browser.open(sample=True)
    start_labelling(page)
    page.keyboard.press("n")
    until(page, "window.hstampViewer.labelling.labels.all.length === 1")
    if state == "plain":
        page.keyboard.press("e")
    elif state != "labels":
        page.click({"keys": "#show-keys", "report": "#save-tns", "comparison": "#compare"}[state])
        until(page, "document.querySelector('dialog[open]') !== null")
    page.wait_for_timeout(500)  # the tree follows the page
    found = tree(browser)
    assert [(role, name) for role, name, _ in found if role in ROLES and not name] == []
    # What can have the focus is something that says what it is.
    lost = [
        (role, name)
        for role, name, told in found
        if told.get("focusable") and role not in ROLES | SHOWN
    ]
    assert lost == []
    # Names say what happens, not only letters that stand for something.
    short = [name for role, name, _ in found if role == "button" and len(name) < 4]
    assert short == []


def test_live_regions_say_alert_label_and_fault(browser, tmp_path):
    page = browser.open(sample=True)
    said = "document.getElementById('announcement').textContent"
    status = "document.getElementById('status').textContent"
    # How many there are is not known while they are read.
    until(page, f"{said}.startsWith('alert 170000000000000000, 1')")
    page.keyboard.press("j")
    until(page, f"{said} === 'alert 170000000000000001, 2 of 10'")
    start_labelling(page)
    page.uncheck("#onward")
    page.locator("#onward").blur()
    page.keyboard.press("ArrowUp")
    until(page, f"{said}.startsWith('crosshair: science')")
    page.keyboard.press("Enter")
    until(page, f"{status}.startsWith('170000000000000001: host at')")
    page.keyboard.press("j")
    page.keyboard.press("k")
    until(page, f"{said} === 'alert 170000000000000001, 2 of 10, labelled host'")
    (tmp_path / "bad").write_bytes(b"bad")
    browser.drop(tmp_path / "bad")
    until(page, f"{status}.includes('1 fault')")
    polite = [told["live"] for _, _, told in tree(browser) if "live" in told]
    assert polite == ["polite", "polite"]


def test_the_focus_is_never_lost_or_trapped(browser):
    page = browser.open(sample=True)
    start_labelling(page)
    # Once around with Tab: every control is reached, and the page is left again.
    everything = page.evaluate(
        """() => [...document.querySelectorAll(
            "button, select, input, canvas[tabindex], a, summary, [tabindex='0']"
          )].filter((n) => n.offsetParent !== null && !n.disabled).length"""
    )
    page.evaluate("document.activeElement.blur()")
    seen = set()
    for _ in range(3 * everything):
        page.keyboard.press("Tab")
        number = page.evaluate(
            """() => {
              const at = document.activeElement;
              if (at === document.body) return -1;
              if (!window.order) window.order = new Map();
              if (!window.order.has(at)) window.order.set(at, window.order.size);
              return window.order.get(at);
            }"""
        )
        if number in seen and number == 0:
            break
        if number >= 0:
            seen.add(number)
    assert len(seen) == everything
    # Pictures and buttons are made anew; the focus stays on what stands in their place.
    page.focus("figure[data-kind=template] canvas")
    page.keyboard.press("j")
    until(page, "window.hstampViewer.current().alert.record === 1")
    until(page, "window.hstampViewer.current().loaded.parts[0]?.record === 1")
    for key in ["m", "m", "n"]:
        page.keyboard.press(key)
        page.wait_for_timeout(200)
        assert page.evaluate("document.activeElement.tagName") == "CANVAS", key
    page.focus("#class-buttons button:nth-child(2)")
    page.keyboard.press("Enter")
    until(page, "window.hstampViewer.labelling.labels.all.length === 2")
    page.wait_for_timeout(200)
    assert page.evaluate("document.activeElement.textContent") == "2 SN"
    # A dialog takes the focus, keeps it while it is open, and gives it back.
    page.focus("#show-keys")
    page.keyboard.press("Enter")
    for _ in range(4):
        page.keyboard.press("Tab")
        inside = (
            "document.activeElement === document.body || document.activeElement.closest('dialog')"
        )
        assert page.evaluate(f"!!({inside})")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.id") == "show-keys"


def test_the_focus_can_be_seen(browser):
    page = browser.open(sample=True)
    for place in ["#next", "#mode", "#list", "figure[data-kind=science] canvas", "#facts a"]:
        page.focus(place)
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Tab")
        style, width, colour = page.evaluate(
            "(({ outlineStyle, outlineWidth, outlineColor }) =>"
            " [outlineStyle, outlineWidth, outlineColor])(getComputedStyle(document.activeElement))"
        )
        assert (style, width) == ("solid", "2px"), place
        assert contrast(rgb(colour), rgb("rgb(18, 22, 28)")) >= 3


def test_nothing_moves_by_itself(browser):
    page = browser.open(sample=True)
    moving = page.evaluate(
        """() => [...document.querySelectorAll("*")].filter((node) => {
          const { transitionDuration, animationName, scrollBehavior: how } = getComputedStyle(node);
          return transitionDuration !== "0s" || animationName !== "none" || how !== "auto";
        }).map((node) => node.tagName)"""
    )
    assert moving == []
    before = page.evaluate("document.querySelector('#panels canvas').toDataURL()")
    page.wait_for_timeout(600)
    assert page.evaluate("document.querySelector('#panels canvas').toDataURL()") == before


# ---------------------------------------------------------------- colours


def rgb(text):
    """Colour of a style, 0 to 1; a transparent one has a fourth number."""
    if text.startswith("#"):
        return [int(text[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    values = [float(v) for v in re.findall(r"[\d.]+", text)]
    return [v / 255 for v in values[:3]] + values[3:]


def linear(colour):
    c = np.asarray(colour[:3])
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def luminance(colour):
    """Relative luminance, WCAG 2.2."""
    return float(linear(colour) @ [0.2126, 0.7152, 0.0722])


def contrast(one, other):
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


TEXTS = """() => {
  const behind = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (!/rgba\\(.*, 0\\)|transparent/.test(colour)) return colour;
    }
    return getComputedStyle(document.documentElement).backgroundColor;
  };
  const found = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !node.checkVisibility()) continue;
    if (node.closest("script, :disabled")) continue;
    found.add(`${getComputedStyle(node).color} on ${behind(node)}`);
  }
  for (const node of document.querySelectorAll("input[placeholder]"))
    if (node.checkVisibility())
      found.add(`${getComputedStyle(node, "::placeholder").color} on ${behind(node)}`);
  return [...found];
}"""


def test_texts_have_contrast(browser, tmp_path):
    page = browser.open()
    found = set(page.evaluate(TEXTS))
    (tmp_path / "bad").write_bytes(b"bad")
    page.click("#sample-2")
    browser.settled()
    browser.drop(tmp_path / "bad")
    until(page, "document.querySelectorAll('#files .fault').length > 0")
    page.click("#side > details > summary")
    start_labelling(page)
    page.keyboard.press("n")
    until(page, "window.hstampViewer.labelling.labels.all.length === 1")
    page.keyboard.press("k")
    page.wait_for_timeout(300)
    found |= set(page.evaluate(TEXTS))
    for button in ["#compare", "#show-keys", "#save-tns"]:
        page.click(button)
        until(page, "document.querySelector('dialog[open]') !== null")
        found |= set(page.evaluate(TEXTS))
        page.keyboard.press("Escape")
    assert len(found) > 8
    faint = {}
    for pair in found:
        text, ground = (rgb(colour) for colour in pair.split(" on "))
        if (value := contrast(text, ground)) < 4.5:
            faint[pair] = value
    assert faint == {}


# What people see who lack one kind of cones: Machado, Oliveira & Fernandes (2009), IEEE Trans.
# Vis. Comput. Graph. 15, 1291, severity 1, on linear RGB.
SEEN = {
    "normal": np.eye(3),
    "protanopia": np.array([
        [0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ]),
    "deuteranopia": np.array([
        [0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ]),
    "tritanopia": np.array([
        [1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ]),
}  # fmt: skip
XYZ = np.array([
    [0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
    [0.0193339, 0.1191920, 0.9503041],
])  # fmt: skip
WHITE = XYZ.sum(axis=1)


def lab(colour, sees="normal"):
    """CIE L*a*b* of a colour as it is seen."""
    t = XYZ @ np.clip(SEEN[sees] @ linear(colour), 0, 1) / WHITE
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def drawn_colours(page):
    """Colours of what is drawn on pictures: outlines of up to four levels, candidates, labels."""
    return page.evaluate("window.hstampViewer.colours")


@pytest.mark.parametrize("sees", list(SEEN))
def test_what_is_drawn_differs_for_every_eye(shared_browser, sees):
    colours = drawn_colours(shared_browser.page)
    assert set(colours) == {"0", "1", "2", "3", "candidate", "label", "mark"}
    seen = {name: lab(rgb(colour), sees) for name, colour in colours.items()}
    near = {
        (a, b): float(np.linalg.norm(seen[a] - seen[b]))
        for a, b in combinations(seen, 2)
        if np.linalg.norm(seen[a] - seen[b]) < 15
    }
    # Differences of L*a*b* below 2.3 are hardly seen (Mahy et al. 1994); 15 are clear.
    assert near == {}


def test_what_is_drawn_can_be_read_in_grey(shared_browser):
    colours = drawn_colours(shared_browser.page)
    grey = {name: lab(rgb(colour))[0] for name, colour in colours.items()}
    # Every line has a black casing, so it is seen on any grey.
    assert min(grey.values()) > 50
    # Outlines have numbers, and lie in each other. What lies among them differs in lightness too.
    for a, b in combinations(["candidate", "label", "mark"], 2):
        assert abs(grey[a] - grey[b]) > 10, (a, b)
