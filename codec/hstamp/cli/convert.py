"""``hstamp convert``: alerts and images in, stamps out."""

from __future__ import annotations

import argparse
import json
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from ..errors import InputError, OutputError
from ..text import printable
from .images import add_source, check_source, positions
from .options import Progress, add_inputs, command, input_path, is_folder, output_path
from .signals import name_of, status_of
from .streams import STDIN

__all__ = ["add_encoding", "encoding_of", "register"]

_DESCRIPTION = """\
Make hierarchical stamps from alerts or images. Inputs are recognised by content, never by
name: LSST and ZTF alerts (Avro container files, Confluent wire-format messages, a broker's
Parquet, tar archives of Avro alerts; FITS and JSON of Rubin's alert retrieval service, which
become stamps) and FITS images, each also gzipped. A folder stands for the files in it.

Alerts come out as alerts, all old fields unchanged, with the fields hstampDifference,
hstampScience and hstampTemplate after them (in Parquet: three binary columns). Images come
out as a file of stamps. OUT is a file that is not there yet, or a folder with one output for
each input, sub-folders included. In a folder, a second run makes what is missing, what failed,
what was cut short and what has changed since, and leaves the rest alone. '-' is standard input
or output. In folders, names that start with '.' or '_' or end in '.crc' are passed over.

A record, cutout or file that cannot be converted is reported, the rest goes on, and the exit
status is 1; a full disk ends the run."""

_EXAMPLES = """\
  hstamp convert alerts/*.avro -o with-stamps/
  hstamp convert message.bin -o alert.avro --schema lsst.v11_1.alert.avsc
  hstamp convert alerts/ --as stamps -o stamps.avro
  hstamp convert image.fits --ra 121.6015 --dec 1.0359 -o sn2010h.avro
  hstamp convert calexp.fits --catalog sources.csv --levels 5 -o sources.avro
  hstamp convert patches/*.fits --mosaic --catalog objects.csv --levels 5 -o templates.avro
  hstamp convert ztf_public_20260101.tar.gz -o with-stamps/
  hstamp convert alerts/ -o sorted/ --by-schema
  hstamp convert broker.parquet -o by-band/ --partition diaSource.band
  curl -s URL | hstamp convert - -o - > alerts.avro
  hstamp convert image.fits.gz --x 412.3 --y 87.9 --encoding f4 -o source.avro
"""


def register(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser = command(
        subparsers, "convert", "make stamps from alerts or images", _DESCRIPTION, _EXAMPLES
    )
    add_inputs(parser, "IN")
    parser.add_argument(
        "-o", "--out", required=True, metavar="OUT",
        help="file, or folder (existing, or 'name/'), or '-'",
    )  # fmt: skip
    parser.add_argument(
        "--as",
        dest="form",
        choices=("alerts", "wire", "stamps", "blobs", "hats"),
        help="alerts with stamp fields (default for alerts), the same as messages in the Confluent"
        " wire format one after the other (needs --schema-id), a container file of stamps"
        " (default for images), one blob file for each stamp in the folder OUT, or all alerts"
        " as the HATS catalogue OUT (extra 'hats')",
    )
    parser.add_argument("-f", "--force", action="store_true", help="make existing outputs again")
    parser.add_argument(
        "--quarantine",
        type=Path,
        metavar="FILE",
        help="keep alerts that failed, with the reasons, in a file that 'hstamp convert' takes",
    )
    parser.add_argument(
        "--json", action="store_true", help="the summary as one JSON object, whatever failed"
    )
    parser.add_argument(
        "-q", "--quiet", action="store_true", help="no summary: failures and notes only"
    )

    group = parser.add_argument_group("much input")
    group.add_argument(
        "-j", "--jobs", type=_jobs, default=1, metavar="N",
        help="processes that convert, or 'auto': one for each core; what comes out is the same"
        " (default 1)",
    )  # fmt: skip
    group.add_argument(
        "--scheduler", metavar="ADDRESS",
        help="let Dask's workers convert (extra 'dask'): 'tcp://HOST:PORT', or 'local:N' for a"
        " cluster on this machine; they have to see the files under the same paths",
    )  # fmt: skip
    group.add_argument(
        "--part-size", type=_positive, default=32.0, metavar="MB",
        help="the output of more input is made in parts of so much [2^20 bytes], and a run that"
        " was stopped goes on after the parts that are done (default 32)",
    )  # fmt: skip

    add_encoding(parser)

    group = parser.add_argument_group("alerts")
    group.add_argument(
        "--drop-cutouts", action="store_true", help="set old cutouts that became stamps to null"
    )
    group.add_argument(
        "--schema", type=Path, metavar="AVSC", help="writer's schema of wire-format messages"
    )
    group.add_argument(
        "--schema-id", type=_schema_id, metavar="N",
        help="id that your registry gave the schema with stamps ('hstamp schema derive'), for"
        " --as wire",
    )  # fmt: skip
    group.add_argument(
        "--codec", metavar="NAME", help="block codec of the output (default: the input's)"
    )

    group.add_argument(
        "--by-schema", action="store_true",
        help="all inputs become the folder OUT with one file for each schema of alerts",
    )  # fmt: skip
    group.add_argument(
        "--partition", action="append", default=[], metavar="COLUMN",
        help="all inputs become the folder OUT with a folder for each value of a field, such as"
        " diaSource.band or candidate.fid; again for folders in them",
    )  # fmt: skip

    group = parser.add_argument_group("images")
    add_source(group)
    group.add_argument(
        "--mosaic",
        action="store_true",
        help="images overlap, as patches of coadds do: one stamp for each position and band, from"
        " the image whose edge is farthest (default: one from each image)",
    )
    group.add_argument(
        "--weight",
        choices=("ivar", "variance", "sigma", "exptime"),
        help="what a plane called WHT, WGT or WEIGHT holds (default: by the header's word)",
    )
    group.add_argument("--band", help="filter (default: the header's)")
    group.add_argument("--id", help="identifier of the stamp")
    parser.set_defaults(func=run, parser=parser)


def add_encoding(parser: argparse.ArgumentParser) -> None:
    """Add the options that decide how alerts become stamps."""
    group = parser.add_argument_group("stamps")
    group.add_argument(
        "--levels",
        type=_levels,
        metavar="N",
        help="2 to 8, or 'auto': the most that the image covers (default)",
    )
    group.add_argument(
        "--encoding",
        choices=("i2", "f4"),
        default="i2",
        help="of image values (default i2; f4 is exact)",
    )
    group.add_argument(
        "--variance-encoding", choices=("log8", "f4"), default="log8", help="(default log8)"
    )
    group.add_argument(
        "--step",
        type=_positive,
        default=1 / 16,
        metavar="F",
        help="i2 step in units of the noise (default 0.0625)",
    )
    group.add_argument(
        "--psf-size",
        type=_psf_size,
        default=21,
        metavar="S",
        help="side of the PSF, odd; 'keep' its size, or 'none' (default 21)",
    )
    group.add_argument(
        "--mask-planes",
        type=_names,
        metavar="A,B",
        help="planes to keep (default: all, at most 16)",
    )
    group.add_argument(
        "--unusable",
        type=_names,
        default=("NO_DATA",),
        metavar="A,B",
        help="mask planes whose pixels are missing (default NO_DATA; '' for none)",
    )
    group.add_argument(
        "--tensors", action="store_true", help="stamps of a HATS catalogue as columns of tensors"
    )
    group.add_argument(
        "--nest", choices=("auto", "always", "never"), default="auto",
        help="rows of a HATS catalogue are objects with their alerts, or alerts (default: objects,"
        " if any has two)",
    )  # fmt: skip
    group.add_argument(
        "--ztf-wcs",
        choices=("auto", "nominal", "none"),
        default="auto",
        help="ZTF cutouts carry no WCS; give stamps the nominal one always, never, or where north"
        " is known to about a pixel, |dec| <= 30 (default)",
    )


def encoding_of(args: argparse.Namespace) -> Any:
    """Encoding that these options, and ``--weight`` where there is one, ask for."""
    from ..convert.parent import EncodeOptions

    return EncodeOptions(
        levels=args.levels or None,
        encoding=args.encoding,
        variance_encoding=args.variance_encoding,
        psf_size=args.psf_size,
        step=args.step,
        unusable=args.unusable,
        mask_planes=args.mask_planes,
        weight=getattr(args, "weight", None),
    )


def run(args: argparse.Namespace) -> int:
    """Carry out the command; return the exit status."""
    from ..convert.job import Job
    from ..convert.job import run as run_job
    from ..convert.plan import find_inputs, size_of
    from ..convert.report import Report
    from ..surveys import Ztf, with_survey

    check_source(args)
    whole = args.form == "hats" or args.by_schema or bool(args.partition)
    into_folder = args.form == "blobs" or (not whole and is_folder(args.out))
    _check_out(args, into_folder)
    out = output_path(args.out)
    found = find_inputs([input_path(path) for path in args.inputs], out)
    if not found.files:
        raise InputError(f"no files in {', '.join(args.inputs)}")
    job = Job(
        inputs=found.files,
        out=out,
        into_folder=into_folder,
        form=args.form,
        options=encoding_of(args),
        positions=positions(args),
        hdu=args.hdu,
        band=args.band,
        schema_file=args.schema,
        codec=args.codec,
        drop_cutouts=args.drop_cutouts,
        schema_id=args.schema_id,
        by_schema=args.by_schema,
        partition=tuple(args.partition),
        force=args.force,
        surveys=with_survey(Ztf(args.ztf_wcs)),
        tensors=args.tensors,
        nest={"auto": None, "always": True, "never": False}[args.nest],
        mosaic=args.mosaic,
        roots=found.roots,
        part_bytes=max(int(args.part_size * 2**20), 1),
    )
    began = time.monotonic()
    keep = _quarantine(args, found.files)
    report, status = Report(passed_over=found.passed_over, quarantine=keep), 0
    with (
        keep or nullcontext(),
        Progress(0 if args.quiet else sum(map(size_of, found.files)), report.rates) as progress,
    ):
        try:
            run_job(
                job,
                report,
                say=progress.say,
                progress=progress.update,
                jobs=args.jobs,
                scheduler=args.scheduler,
            )
        except KeyboardInterrupt as stop:
            status = status_of(stop)
            progress.say(f"hstamp: {name_of(stop)}: {_left(job, report)}")
        except OutputError as exc:
            status = 1
            progress.say(f"hstamp: {printable(str(exc))}: {_left(job, report)}")
    if args.json:
        seconds = round(time.monotonic() - began, 3)
        said = {"seconds": seconds, "status": status or int(not report.ok), **report.as_dict()}
        text = json.dumps(said)
        print(text, file=sys.stderr if args.out == STDIN else sys.stdout)
    elif not args.quiet and (into_folder or not status):
        # The summary must not get into the output.
        print("\n".join(report.lines()), file=sys.stderr if args.out == STDIN else sys.stdout)
    elif report.notes:
        # What a stamp lacks is no summary: a quiet run must not lose it silently.
        print("\n".join(report.note_lines()), file=sys.stderr)
    return status or (0 if report.ok else 1)


def _quarantine(args: argparse.Namespace, inputs: tuple[Path, ...]) -> Any:
    """File for what fails; None where none is wanted."""
    from ..convert.quarantine import Quarantine

    if args.quarantine is None:
        return None
    path = args.quarantine
    if path.exists() and not args.force:
        raise InputError(f"{path} exists already (--force replaces it)")
    real = path.resolve()
    if real in {Path(other).resolve() for other in (*inputs, args.out)}:
        raise InputError(f"{path} is an input or the output: choose another quarantine file")
    return Quarantine(path)


def _check_out(args: argparse.Namespace, into_folder: bool) -> None:
    """Refuse outputs that do not go with the inputs."""
    error = args.parser.error
    if args.form == "blobs" and (args.out == STDIN or Path(args.out).is_file()):
        error(f"--as blobs writes into a folder, and {args.out} is a file")
    if args.form == "hats" and args.out == STDIN:
        error("a HATS catalogue is a folder")
    if (args.by_schema or args.partition) and args.form in ("blobs", "hats"):
        error("--by-schema and --partition go with alerts, messages and stamps")
    if args.by_schema and args.form in ("wire", "stamps"):
        error("--by-schema sorts alerts: messages have one schema, and so have stamps")
    if (args.by_schema or args.partition) and (args.out == STDIN or args.mosaic):
        error("files by schema or partition are made of alerts, in a folder")
    if (args.form == "wire") != (args.schema_id is not None):
        error("--as wire and --schema-id go together: the id is that of the schema with stamps")
    if args.form != "hats" and (args.tensors or args.nest != "auto"):
        error("--tensors and --nest go with --as hats")
    if args.mosaic and (into_folder or args.form not in (None, "stamps")):
        error("--mosaic makes one file of stamps")
    if args.mosaic and args.catalog is None and args.ra is None:
        error("--mosaic needs --catalog, or --ra and --dec")
    if args.scheduler is not None and args.jobs != 1:
        error("--jobs or --scheduler, not both")
    if into_folder and STDIN in args.inputs:
        error("standard input has no name for an output in a folder: give a file")


def _left(job: Any, report: Any) -> str:
    """Say what a run that ended early has done."""
    from ..convert.report import KEPT
    from ..convert.workfolder import parts_done

    if not job.into_folder:
        if done := parts_done(job.out):
            return f"{done} parts are done; the same command goes on with the others"
        return "nothing was written"
    done, total = report.outputs + report.skipped[KEPT], len(job.inputs)
    return f"{done} of {total} outputs are complete; the same command goes on with the others"


def _schema_id(text: str) -> int:
    value = int(text)
    if not 0 <= value < 2**32:
        raise argparse.ArgumentTypeError("must be 0 to 4294967295")
    return value


def _levels(text: str) -> int:
    if text == "auto":
        return 0
    value = int(text)
    if not 2 <= value <= 8:
        raise argparse.ArgumentTypeError("must be 2 to 8, or auto")
    return value


def _jobs(text: str) -> int:
    value = 0 if text == "auto" else int(text)
    if value < 0:
        raise argparse.ArgumentTypeError("must be a number of processes, or auto")
    return value


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError("must be a positive number")
    return value


def _psf_size(text: str) -> int | None:
    if text == "keep":
        return None
    value = 0 if text == "none" else int(text)
    if value and not (1 <= value <= 127 and value % 2):
        raise argparse.ArgumentTypeError("must be odd, 1 to 127, or keep, or none")
    return value


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())
