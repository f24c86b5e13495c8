"""``hstamp hosts``: host galaxies of transients."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from .options import command
from .tables import INPUTS, add_arguments, add_reading, make_tables

if TYPE_CHECKING:
    from ..inference.alerts import Alert, Wanted
    from ..inference.report import Card

__all__ = ["register"]

_DESCRIPTION = f"""\
Find the host galaxy of every alert with the reference model: position, covariance, probability
that no host is in the stamp, half-light radius. Needs the extra 'model'.

The weights were trained on a simulated sky; docs/reference_model.md says what that can
and cannot tell. Probabilities are those of the simulation.

{INPUTS.format(images=" and FITS images")}"""

_EXAMPLES = """\
  hstamp hosts alerts/ -o hosts.csv
  hstamp hosts with-stamps.avro -o hosts.vot --report hosts.html
  hstamp hosts alert.avro -o hosts.csv --field science
  hstamp hosts with-stamps.avro -o hosts.csv --candidates 3
  hstamp hosts with-stamps.avro -o hosts.csv --labels labels.csv
  hstamp hosts image.fits --ra 121.6015 --dec 1.0359 -o hosts.csv --report hosts.png
"""

MAGNITUDE: Final = "magnitude"
"""Instead of a share: the chance by each alert's own brightness."""

_FIELDS: Final[dict[str, tuple[str, ...]]] = {
    "template": ("template", "science"),
    "science": ("science",),
    "difference": ("difference",),
}
"""Choice of image to the images that may serve, best first."""


def register(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser = command(subparsers, "hosts", "find host galaxies", _DESCRIPTION, _EXAMPLES)
    add_arguments(parser, "hosts")
    parser.add_argument(
        "--labels", type=Path, metavar="FILE",
        help="hosts that people chose in 'hstamp view' (.csv or .json): say how well the answers"
        " of this run agree with them",
    )  # fmt: skip
    parser.add_argument(
        "--field",
        choices=tuple(_FIELDS),
        default="template",
        help="image of an alert to look at (default template, and science where there is none)",
    )
    parser.add_argument(
        "--sky",
        choices=("auto", "subtract", "keep"),
        default="auto",
        help="subtract the sky of the widest level, keep the values, or subtract unless the"
        " unit is nJy (default auto)",
    )
    parser.add_argument(
        "--average",
        action="store_true",
        help="average over rotations and flips: eight times slower, a little better",
    )
    parser.add_argument(
        "--nearby",
        type=_nearby,
        metavar="SHARE",
        help="share of the transients that you expect within z < 0.1: 0.01 in a whole alert stream;"
        " or 'magnitude': the chance that each one's brightness, band and age give, where the"
        " alert has them (default: the share of the training, about one half)",
    )
    parser.add_argument(
        "--candidates",
        type=int,
        default=1,
        metavar="N",
        help="candidates of each alert in the table, up to 5: columns of the second are named"
        " host_ra_2 and so on (default 1)",
    )
    add_reading(parser)
    parser.set_defaults(func=run, parser=parser)


def run(args: argparse.Namespace) -> int:
    """Carry out the command; return the exit status."""
    return make_tables(args, _Hosts(args))


class _Hosts:
    """Hosts of alerts; counts what the summary tells."""

    command = "hosts"

    def __init__(self, args: argparse.Namespace) -> None:
        from ..hosts.columns import sheet_of
        from ..hosts.labels import Judge, read_labels
        from ..hosts.report import FRAME

        self.args, self.sheet, self.frame = args, sheet_of(args.candidates), FRAME
        self.none = self.blind = self.flat = self.dark = 0
        self.judge = None if args.labels is None else Judge(read_labels(args.labels))

    @property
    def wanted(self) -> Wanted:
        return (_FIELDS[self.args.field],)

    def prepare(self) -> None:
        self._predict([])

    def look(self, alerts: Sequence[Alert]) -> tuple[dict[str, Any], Callable[[], Sequence[Card]]]:
        from ..hosts.columns import columns_of
        from ..hosts.report import panels_of

        hosts = self._predict(alerts)
        if self.judge is not None:
            self.judge.add(alerts, hosts)
        columns = columns_of(alerts, hosts, self.args.candidates)
        return columns, partial(panels_of, alerts, hosts)

    def _predict(self, alerts: Sequence[Alert]) -> Any:
        from ..hosts.predict import predict

        nearby = self.args.nearby
        if nearby == MAGNITUDE:
            nearby = self._from_magnitudes(alerts)
        return predict(
            [alert.stamp for alert in alerts if alert.stamp is not None],
            weights=self.args.weights,
            sky=self.args.sky,
            average=self.args.average,
            nearby=nearby,
            pixel=[alert.pixel for alert in alerts if alert.stamp is not None],
        )

    def _from_magnitudes(self, alerts: Sequence[Alert]) -> Any:
        import numpy as np

        from ..hosts.nearby import nearby_of

        some = [alert.measured for alert in alerts if alert.stamp is not None]
        found = nearby_of(
            [np.nan if one is None else one.brightness for one in some],
            [None if one is None else one.band for one in some],
            [np.nan if one is None else one.age for one in some],
            weights=self.args.weights,
        )
        self.dark += int(np.isnan(found).sum())
        return found

    def note(self, columns: Mapping[str, Any]) -> None:
        import numpy as np

        self.none += int((columns["p_none"] > 0.5).sum())
        self.blind += int(np.isnan(columns["p_none"]).sum())
        self.flat += int(np.isnan(columns["ra"]).sum())

    def summary(self) -> Sequence[str]:
        lines = [
            f"P(none) above one half for {self.none}"
            " (probabilities of a model trained on a simulated sky)"
        ]
        if self.blind:
            lines.append(
                f"nothing to see in {self.blind}: all values missing, or no noise to compare them"
                " with"
            )
        if self.dark:
            lines.append(f"no magnitude in {self.dark}: the share of the training there")
        if self.flat:
            lines.append(f"no WCS for {self.flat}: offsets in pixels only")
        if self.judge is not None:
            lines.extend(self.judge.lines())
        return lines


def _nearby(text: str) -> float | str:
    if text == MAGNITUDE:
        return text
    value = float(text)
    if not 0.0 < value < 1.0:
        raise argparse.ArgumentTypeError("must lie between 0 and 1")
    return value
