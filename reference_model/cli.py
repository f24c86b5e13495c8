"""``python -m reference_model``: every step of the study, from simulation to pages."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from reference_model.config import CONFIGS, DATA_ENV, StudyConfig, data_root

#: Splits that finders are judged on: as the sky is, and with hosts in groups.
TESTS = ("test", "clustered")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m reference_model",
        description="The study of host association on hierarchical stamps. Every step resumes "
        "where it was interrupted.",
    )
    parser.add_argument("--data", help=f"data folder (default ${DATA_ENV}, else ./data)")
    parser.add_argument("--set", choices=sorted(CONFIGS), default="full", dest="which",
                        help="data set: the full one, or a small one of seconds")  # fmt: skip
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1,
                        help="processes (simulate, methods) or threads (train)")  # fmt: skip
    commands = parser.add_subparsers(dest="command", required=True)
    simulate = commands.add_parser("simulate", help="render the fields and cut the stamps")
    simulate.add_argument("--inputs", action="store_true",
                          help="also cut the inputs that stamps are compared with")  # fmt: skip
    methods = commands.add_parser("methods", help="run the classical finders on the test split")
    methods.add_argument("--fields", type=int, help="only this many test fields")
    methods.add_argument("--split", choices=TESTS, default="test")
    delight = commands.add_parser("delight", help="ask DELIGHT, in its own environment (peers/)")
    delight.add_argument("--python", type=Path, required=True, help="interpreter of it")
    delight.add_argument("--fields", type=int, help="only this many test fields now")
    inputs = commands.add_parser("inputs", help="cut the inputs that stamps are compared with")
    inputs.add_argument("--kind", nargs="+", default=[],
                        help="stamp30, binned30, multiscale4x8, ... (default all)")  # fmt: skip
    train = commands.add_parser("train", help="train one network")
    train.add_argument("--kind", default="hstamp5", help="input kind (default hstamp5)")
    train.add_argument("--any-levels", action="store_true", help="one set of weights for n 2 to 6")
    train.add_argument("--seed", type=int, default=1)
    train.add_argument("--epochs", type=int, default=40)
    train.add_argument("--steps", type=int, default=1000, help="batches of an epoch")
    train.add_argument("--rate", type=float, default=6e-3, help="peak learning rate")
    train.add_argument("--init", default="", help="run whose weights to start from")
    train.add_argument("--float32", action="store_true",
                       help="multiply in float32 while training, not in bfloat16")  # fmt: skip
    train.add_argument("--run", help="name of the run (default made of the above)")
    export = commands.add_parser("export", help="calibrate a run and write it as ONNX")
    export.add_argument("run")
    export.add_argument("-o", "--output", type=Path, help="ONNX file (default in the run's folder)")
    evaluate = commands.add_parser("evaluate", help="run an exported network on the test split")
    evaluate.add_argument("run")
    evaluate.add_argument("--levels", type=int, nargs="+", default=[5])
    evaluate.add_argument("--extras", action="store_true",
                          help="also other encodings, the average and the speed")  # fmt: skip
    evaluate.add_argument("--ablations", action="store_true",
                          help="also n=5 told more, and on science images")  # fmt: skip
    evaluate.add_argument("--label", default="", help="tells the results from another run's")
    evaluate.add_argument("--split", choices=TESTS, default="test")
    looks = commands.add_parser("looks", help="an exported network on views of every survey")
    looks.add_argument("run")
    looks.add_argument("--levels", type=int, nargs="+", default=[3, 5])
    looks.add_argument("--split", choices=(*TESTS, "validation"), default="test")
    gallery = commands.add_parser("gallery", help="draw stamp files with the hosts found in them")
    gallery.add_argument("model", type=Path, help="ONNX file with its JSON beside it")
    gallery.add_argument("files", type=Path, nargs="+", help="stamp files, as hstamp reads them")
    gallery.add_argument("-o", "--output", type=Path, required=True, help="PNG")
    gallery.add_argument("--subtract-sky", action="store_true",
                         help="the images still carry their sky")  # fmt: skip
    gallery.add_argument("--host", type=float, nargs=2, metavar=("RA", "DEC"),
                         help="known host of all stamps, degrees")  # fmt: skip
    realsky = commands.add_parser("realsky", help="the shipped weights on real images")
    realsky.add_argument("--shared", type=Path, required=True,
                         help="folder that holds sky, ztf and lsst")  # fmt: skip
    realsky.add_argument("--model", type=Path, help="ONNX file (default: the shipped weights)")
    realsky.add_argument("--docs", type=Path, default=Path("docs"))
    classes = commands.add_parser("classes", help="the study of alert classes")
    classes.add_argument("step", choices=("simulate", "train", "results"))
    classes.add_argument("--labelled", type=Path, help="folder of labelled real alerts")
    classes.add_argument("--seeds", type=int, nargs="+", default=[1])
    classes.add_argument("--steps", type=int, default=3000, help="of training on simulated alerts")
    classes.add_argument("--tune", type=int, default=300, help="of going on with real alerts")
    classes.add_argument("-o", "--output", type=Path, help="ONNX file of the finished weights")
    classes.add_argument("--docs", type=Path, default=Path("docs"))
    real = commands.add_parser("real", help="finders on real ZTF alerts whose hosts are known")
    real.add_argument("--data", dest="labelled", type=Path, required=True,
                      help="folder that holds alerts.avro, labels.csv and hosts.csv")  # fmt: skip
    real.add_argument("--part", choices=("dev", "test", "both"), default="dev",
                      help="half of the objects to look at; choose on dev alone")  # fmt: skip
    real.add_argument("--why", default="", help="what the look at the test part is for; is kept")
    real.add_argument("--model", type=Path, help="ONNX file (default: the shipped weights)")
    real.add_argument("--nearby", type=float, help="share of nearby hosts that it is told")
    real.add_argument("--fit-floor", action="store_true",
                      help="choose the floor under covariances on the part dev, and keep it beside "
                      "the weights")  # fmt: skip
    real.add_argument("--python", type=Path, help="interpreter of DELIGHT's environment")
    real.add_argument("-o", "--output", type=Path, default=Path("real.json"), help="JSON")
    real.add_argument("--docs", type=Path, help="also write the page, into this folder")
    card = commands.add_parser("card", help="the model card, from what stands beside the weights")
    card.add_argument("--docs", type=Path, default=Path("docs"))
    card.add_argument("--model", type=Path, help="ONNX file (default: the shipped weights)")
    for name, text in (("results", "tables and figures from stored results"),
                       ("pages", "the page comparing the simulation")):  # fmt: skip
        sub = commands.add_parser(name, help=text)
        sub.add_argument("--docs", type=Path, default=Path("docs"))
        if name == "pages":
            sub.add_argument("--scotch", type=Path, help="scotch_host_data.fits")
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run one step of the study; returns the exit status."""
    options = _parser().parse_args(argv)
    config = CONFIGS[options.which]
    root = data_root(options.data)
    try:
        return _run(options, config, root)
    except (FileNotFoundError, ValueError) as error:
        print(f"reference_model: {error}", file=sys.stderr)
        return 1


def _run(options: argparse.Namespace, config: StudyConfig, root: Path) -> int:
    # Imports follow the command, so that each needs only its own libraries.
    if options.command == "simulate":
        from reference_model.study import simulate_all

        print(simulate_all(root, config, options.workers, options.inputs))
    elif options.command == "methods":
        from reference_model.study import run_methods

        run_methods(root, config, options.workers, options.fields, options.split)
    elif options.command == "delight":
        from reference_model.evaluation.results import write_truth
        from reference_model.methods.delight import run_delight

        write_truth(root, config)
        print(run_delight(root, config, options.python, options.workers, options.fields))
    elif options.command == "inputs":
        from reference_model.study import cut_inputs

        cut_inputs(root, config, options.kind, options.workers)
    elif options.command == "train":
        from reference_model.study import train_run

        print(train_run(root, config, options))
    elif options.command == "export":
        from reference_model.study import export_run

        print(export_run(root, config, options.run, options.output))
    elif options.command == "evaluate":
        from reference_model.evaluation.evaluate import evaluate_run
        from reference_model.study import run_folder

        evaluate_run(root, config, run_folder(root, config, options.run), options.levels,
                     extras=options.extras, ablations=options.ablations,
                     split_name=options.split, label=options.label)  # fmt: skip
    elif options.command == "looks":
        from reference_model.evaluation.looks import evaluate_looks
        from reference_model.study import run_folder

        folder = run_folder(root, config, options.run)
        print("\n".join(evaluate_looks(root, config, folder, options.levels, options.split)))
    elif options.command == "gallery":
        from reference_model.figures.gallery import write_gallery

        for line in write_gallery(options.model, options.files, options.output,
                                  options.subtract_sky, options.host):  # fmt: skip
            print(line)
    elif options.command == "realsky":
        from hstamp.hosts.load import weights_path
        from reference_model.figures.realsky import write_realsky

        print(write_realsky(options.docs, options.shared, options.model or weights_path()))
    elif options.command == "classes":
        _classes(options, root)
    elif options.command == "real":
        from reference_model.evaluation.real import run_real

        for line in run_real(options):
            print(line)
    elif options.command == "card":
        from hstamp.hosts.load import weights_path
        from reference_model.figures.card import write_card

        print(write_card(options.docs, weights_path(options.model)))
    elif options.command == "results":
        from reference_model.figures.page import write_results

        print(write_results(options.docs, root, config))
    else:
        from reference_model.figures.simulation import write_page

        print(write_page(options.docs, root, config, options.scotch))
    return 0


def _classes(options: argparse.Namespace, root: Path) -> None:
    from reference_model.classes.config import CONFIGS as SETS

    config = SETS[options.which]
    if options.step == "simulate":
        from reference_model.classes.dataset import simulate

        print(simulate(root, config))
        return
    from reference_model.classes.study import Study, run_study

    study = Study(root, config, options.steps, options.tune)
    if options.step == "train":
        run_study(study, options.labelled, options.seeds, options.output)
        return
    from reference_model.classes.page import write_page

    print(write_page(study, options.docs))
