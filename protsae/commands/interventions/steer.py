"""Design sequences with features clamped inside the model, and compare with controls.

Starts from proteins or from masks. In each round some residues are masked together, the model runs
with the edits, and the residues are drawn from what it predicts. Edits are written as for protsae
intervene; a feature without an action is clamped to 2q0.9. The arm "none" is designed without edits
from the same random numbers; --controls adds features drawn at random, the best coordinate and the
difference of means of the concept. Designs are judged by rules on the sequence, by a probe of
sequence windows and by homologues of the run's train proteins; no language model judges. Writes
designs.parquet, .tsv and .fasta.

examples:
  protsae steer --protein P00321 --edit 5/relu/103 --designs 4
  protsae steer --length 80 --edit 5/relu/103:clamp=3q0.9@20-40 --seed 7
  protsae steer --fasta mine.fasta --edit 5/relu/103 --keep 1-20,45 --controls
"""

import argparse
from pathlib import Path

from protsae.config.flags import add_protein_flags, add_threads_flag
from protsae.interventions.steering import Schedule
from protsae.screen.interventions.steered_lines import judge_lines, said_at_end, steered_lines
from protsae.stages.intervening.design_judges import open_judges
from protsae.stages.intervening.design_starts import Plan, design_starts, full_edit, given_starts
from protsae.stages.intervening.steering_arms import open_controls
from protsae.stages.run_object.open_run import read_run


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    given = add_protein_flags(parser)
    given.add_argument("--protein", metavar="ACCESSION", nargs="+", help="proteins of the run")
    given.add_argument("--length", type=int, metavar="N", help="start from N masks")
    add = parser.add_argument
    add("--edit", metavar="EDIT", action="append", required=True, help="edit to make; repeatable")
    add("--run", default="results", metavar="RESULTS", help="folder of the run (%(default)s)")
    add("--model", help="path or name of the ESM-2 (default: that of the run)")
    add("--concept", help="for judges and controls (default: that of the first feature)")
    add("--controls", action="store_true", help="also design with the controls")
    add("--rounds", type=int, default=20, help="rounds per design (%(default)s)")
    add("--share", type=float, default=0.15, help="share drawn per round (%(default)s)")
    add("--temperature", type=float, nargs=2, default=(1.0, 0.3), metavar=("FROM", "TO"),
        help="in the first and the last round (1.0 0.3)")  # fmt: skip
    add("--keep", metavar="RESIDUES", help="residues to keep, such as 1-20,45")
    add("--designs", type=int, default=1, help="number per start and arm (%(default)s)")
    add("--seed", type=int, default=0, help="random seed (%(default)s)")
    add("--output", default="steer", metavar="DIR", help="folder to write (%(default)s)")
    add_threads_flag(parser)


def run(args: argparse.Namespace) -> None:
    """Design from one start after another."""
    schedule = Schedule(args.rounds, args.share, *args.temperature)
    plan, own = Plan(schedule, args.designs, args.seed, args.keep), read_run(args.run)
    opened = own.edits([full_edit(edit) for edit in args.edit], args.model, args.threads)
    controls = open_controls(opened, own.results, own.config, args.seed, args.concept)
    judges = open_judges(controls.run, controls.concept)
    arms = controls.arms(args.controls)
    starts = given_starts(opened, args.protein, args.sequence, args.fasta, args.length)
    about, n = {"stage": "steer", **opened.made_from}, [0, 0]
    for rows in design_starts(
        opened, arms, judges.judged if judges else None, starts, plan, Path(args.output), about
    ):
        print("\n".join(steered_lines(rows)), flush=True)
        n = [n[0] + len(rows), n[1] + 1]
    print(
        "\n".join([*judge_lines(judges.window if judges else None), *said_at_end(args.output, *n)])
    )
