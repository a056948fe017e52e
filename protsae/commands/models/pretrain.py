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

import pandas as pd
import torch

from protsae.config.flags import add_flags, add_threads_flag, settings_from_flags
from protsae.config.stage_settings import PretrainSettings
from protsae.errors import UserError
from protsae.io.atomic import atomic_path
from protsae.io.json_files import write_json
from protsae.plm.esm2 import pretraining as pretrain
from protsae.plm.esm2.save import save_esm
from protsae.provenance import file_sha256
from protsae.stages.pretrain_model import SHORTEST, Checkpoint, fit, read_parts, resume


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--input", required=True, help="FASTA or UniProt JSON or text; .gz or not")
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
    if not (output.name.startswith("esm2") and output.suffix == ".pt"):
        raise UserError(
            f"--output {output}: fair-esm recognises an ESM-2 by its file name; expected esm2*.pt"
        )
    train, valid, dropped = read_parts(args.input, args.held_out, settings, args.threads)
    unigram = pretrain.unigram_loss(train, valid)
    neighbours = pretrain.neighbour_loss(train, valid)
    print(
        f"{len(train):,} sequences to train on, {len(valid):,} held out, {dropped:,} dropped "
        f"(shorter than {SHORTEST} or with characters that are no letters); "
        f"perplexity of residue frequencies {pretrain.perplexity(unigram):.2f}, "
        f"of neighbours {pretrain.perplexity(neighbours):.2f}",
        file=sys.stderr,
    )

    state = pretrain.start(settings)
    checkpoint = Checkpoint.of(output, input=args.input, held_out=args.held_out)
    curve = resume(state, settings, checkpoint)
    fit(state, train, valid, settings, checkpoint, curve)

    save_esm(state.model, output)
    with atomic_path(output.with_suffix(".curve.tsv")) as temporary:
        pd.DataFrame(curve).to_csv(temporary, sep="\t", index=False, float_format="%.4f")
    write_json(
        output.with_suffix(".json"),
        {
            "settings": settings.model_dump(exclude={"device"}),
            **checkpoint.digests,
            "weights_sha256": file_sha256(output),
            "sequences": {"train": len(train), "valid": len(valid), "dropped": dropped},
            "residues_seen": curve[-1]["residues"],
            "perplexity": {
                "unigram": round(pretrain.perplexity(unigram), 3),
                "neighbours": round(pretrain.perplexity(neighbours), 3),
                "model": round(pretrain.perplexity(curve[-1]["valid_loss"]), 3),
            },
        },
    )
    checkpoint.path.unlink(missing_ok=True)
    print(f"wrote {output}")
