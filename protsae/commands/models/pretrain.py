"""Train a small ESM-2 on a file of proteins by masked-language modelling.

Whole homology clusters are held out, or the proteins of --held-out; their perplexity is printed
beside those of residue frequencies (unigram) and of the two neighbours of a residue (3-gram). An
interrupted run resumes from its last checkpoint. A run that was interrupted before its learning
rate began to fall may go on with other --steps and --decay-steps.

example:
  protsae pretrain --input sequences.fasta.gz --output model/esm2_t6_mine.pt
"""

import argparse
import sys
from pathlib import Path

import torch

from protsae.config.flags import add_flags, add_threads_flag, settings_from_flags
from protsae.config.stage_settings import PretrainSettings
from protsae.plm.esm2 import pretraining
from protsae.plm.esm2.save import validate_esm_name
from protsae.stages.outputs.pretrained_model import SequenceStatistics, write_pretrained
from protsae.stages.pretrain_model import Checkpoint, fit, read_parts, resume


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--input", required=True, help="FASTA, UniProt JSON or text; plain or .gz")
    parser.add_argument(
        "--held-out", help="proteins to validate on, instead of clusters of --input; same formats"
    )
    parser.add_argument("--output", required=True, help="esm2_*.pt to write, in fair-esm's layout")
    add_threads_flag(parser)
    add_flags(parser, PretrainSettings)


def run(args: argparse.Namespace) -> None:
    """Train, checkpoint, report."""
    torch.set_num_threads(args.threads)
    settings = settings_from_flags(PretrainSettings, args)
    output = Path(args.output)
    validate_esm_name(output)
    train, valid, dropped = read_parts(args.input, args.held_out, settings, args.threads)
    sequences = SequenceStatistics.of(train, valid, dropped)
    print(sequences, file=sys.stderr)

    state = pretraining.start(settings)
    checkpoint = Checkpoint.of(output, input=args.input, held_out=args.held_out)
    curve = resume(state, settings, checkpoint)
    fit(state, train, valid, settings, checkpoint, curve)
    write_pretrained(output, state, curve, settings, checkpoint, sequences)
    print(f"wrote {output}")
