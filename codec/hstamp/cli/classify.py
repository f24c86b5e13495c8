"""``hstamp classify``: classes of alerts."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from .options import command
from .tables import INPUTS, add_arguments, add_reading, make_tables

if TYPE_CHECKING:
    from ..inference.alerts import Alert
    from ..inference.report import Card

__all__ = ["register"]

_DESCRIPTION: Final = f"""\
Classify every alert with the reference model: active galactic nucleus, supernova, variable star,
asteroid or bogus, with probabilities, from its science, template and difference image and, without
--fields, nothing else. Needs the extra 'model'.

The weights were trained on simulated alerts and on some hundred real ones of ZTF;
docs/classify.md says what that can and cannot tell.

{INPUTS.format(images="")}"""

_EXAMPLES: Final = """\
  hstamp classify alerts/ -o classes.csv
  hstamp classify with-stamps.avro -o classes.vot --report classes.html
  hstamp classify alerts/ -o classes.csv --shares AGN=10,SN=1,VS=39,asteroid=20,bogus=30
"""


def register(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser = command(subparsers, "classify", "classes of alerts", _DESCRIPTION, _EXAMPLES)
    add_arguments(parser, "classes")
    parser.add_argument(
        "--shares",
        type=_shares,
        metavar="CLASS=SHARE,...",
        help="share of each class that you expect in the stream (default: equal ones)",
    )
    parser.add_argument(
        "--average",
        action="store_true",
        help="average over rotations and flips: eight times slower, a little better",
    )
    parser.add_argument(
        "--fields",
        action="store_true",
        help="look at fields of ZTF's packets too: magnitude, its error, sign of the difference,"
        " filter, galactic and ecliptic latitude; other surveys' alerts are told by their images",
    )
    add_reading(parser, images=False)
    parser.set_defaults(func=run, parser=parser)


def run(args: argparse.Namespace) -> int:
    """Carry out the command; return the exit status."""
    return make_tables(args, _Classes(args), images=False)


class _Classes:
    """Classes of alerts; counts what the summary tells."""

    command = "classes"

    def __init__(self, args: argparse.Namespace) -> None:
        from ..classify.columns import SHEET
        from ..classify.inputs import IMAGES
        from ..classify.report import FRAME

        self.args, self.sheet, self.frame = args, SHEET, FRAME
        # The difference comes first: its stamp says the place.
        self.wanted = tuple((image,) for image in reversed(IMAGES))
        self.found: dict[str, int] = {}
        self.told = 0

    def prepare(self) -> None:
        self._predict([])

    def look(self, alerts: Sequence[Alert]) -> tuple[dict[str, Any], Callable[[], Sequence[Card]]]:
        from ..classify.columns import columns_of
        from ..classify.load import load_head, weights_path
        from ..classify.report import panels_of

        classes = self._predict(alerts)
        if self.args.fields:
            survey = load_head(weights_path(self.args.weights)).survey
            told = [alert.measured for alert in alerts if alert.measured is not None]
            self.told += sum(measured.survey == survey for measured in told)
        return columns_of(alerts, classes), partial(panels_of, alerts, classes)

    def _predict(self, alerts: Sequence[Alert]) -> Any:
        from ..classify.predict import predict

        return predict(
            [{str(kind): stamp for kind, stamp in alert.stamps.items()} for alert in alerts],
            weights=self.args.weights,
            average=self.args.average,
            shares=self.args.shares,
            pixel=[alert.pixel for alert in alerts],
            fields=[alert.measured for alert in alerts] if self.args.fields else None,
        )

    def note(self, columns: Mapping[str, Any]) -> None:
        for name in columns["class"]:
            self.found[name] = self.found.get(name, 0) + 1

    def summary(self) -> Sequence[str]:
        from ..classify.table import CLASSES

        counts = ", ".join(f"{name} {self.found[name]}" for name in CLASSES if name in self.found)
        lines = [f"{counts} (most probable class)"] if counts else []
        if self.args.fields:
            lines.append(f"packet fields of ZTF looked at in {self.told}")
        if "" in self.found:
            lines.append(f"nothing to see in {self.found['']}: all values missing")
        return lines


def _shares(text: str) -> dict[str, float]:
    from ..classify.table import CLASSES

    shares: dict[str, float] = {}
    for part in text.split(","):
        name, _, value = part.partition("=")
        try:
            shares[name.strip()] = float(value)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{part!r} is not CLASS=SHARE") from None
    if set(shares) != set(CLASSES):
        raise argparse.ArgumentTypeError(f"shares must be given of {', '.join(CLASSES)}")
    return shares
