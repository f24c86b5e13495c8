"""What HTML reports share: pages without scripts that fit a phone and whose pictures enlarge.

A click on a picture makes its figure the target of the address, and a style rule shows the target
over the whole page; a second click leads back. A link to the picture itself would not do: browsers
do not follow links to ``data:`` addresses.
"""

from __future__ import annotations

from html import escape
from typing import Final

__all__ = ["ENLARGE_STYLE", "VIEWPORT", "enlarging"]

VIEWPORT: Final = '<meta name="viewport" content="width=device-width, initial-scale=1">'

ENLARGE_STYLE: Final = """
figure { position: relative; margin: 0; scroll-margin: 5em; }
figure .open, figure .close { position: absolute; inset: 0; }
figure .open { cursor: zoom-in; }
figure .close { display: none; cursor: zoom-out; text-align: right; padding: .3em .8em;
  font: 2rem/1 sans-serif; text-decoration: none; color: inherit; }
figure:target { position: fixed; inset: 0; z-index: 9; margin: 0; padding: 3vmin; overflow: auto;
  background: var(--page, #fff); border: 0; border-radius: 0; display: flex;
  flex-direction: column; align-items: center; justify-content: center; gap: 1em; }
figure:target .open { display: none; } figure:target .close { display: block; }
figure:target > img { width: auto; max-width: 94vw; max-height: 80vh; object-fit: contain;
  min-width: min(94vw, 80vh); }
"""


def enlarging(name: str, content: str, *, caption: str = "", kind: str = "") -> str:
    """Return a figure that fills the page when it is clicked.

    Parameters
    ----------
    name : str
        Identifier in the page, of letters, digits and hyphens.
    content : str
        HTML of the picture.
    caption : str
        HTML under it.
    kind : str
        Class of the figure.

    Returns
    -------
    str
        HTML.
    """
    safe = escape(name, quote=True)
    shown = f' class="{escape(kind, quote=True)}"' if kind else ""
    below = f"<figcaption>{caption}</figcaption>" if caption else ""
    return (
        f'<figure id="{safe}"{shown}><span id="{safe}-back"></span>{content}{below}'
        f'<a class="open" href="#{safe}" aria-label="enlarge"></a>'
        f'<a class="close" href="#{safe}-back" aria-label="close">\N{MULTIPLICATION SIGN}</a>'
        "</figure>"
    )
