"""What each removal costs the model: its masked predictions with the removal as an edit.

For each pair of `studies.confounders.measure`, first draw, what valid chose to take out is taken
out at every residue of some test proteins, one of a homology cluster. Printed are the mean change
of log p of the true residue, each masked when it is predicted, and the share of residues whose best
amino acid changes, with 95 % intervals over clusters.

    python -m studies.confounders.costs results annotated.jsonl.gz --sae 5/topk --proteins 40
"""

import argparse
from collections.abc import Sequence

import numpy as np
import torch

from protsae.interventions.confounders.balanced_scores import cells
from protsae.interventions.confounders.removal_edits import removal_edit
from protsae.interventions.confounders.remove_confounder import COUNTS, remove_confounder
from protsae.interventions.edited_predictions import predict
from protsae.interventions.intervention import Intervention
from protsae.plm.esm2.forward import FusedEsm2
from protsae.plm.esm2.load import load_esm
from protsae.plm.esm2.tokens import STANDARD_TOKENS, tokenise
from protsae.stages.deconfounding.deconfound_run import sae_name
from protsae.stages.run_object.open_run import Run, read_run
from protsae.statistics.cluster_intervals import bootstrap_weights, ratio_interval
from studies.confounders.measure import AGREE, PAIRS, chosen_proteins, is_yeast

CONTEXT, OVERLAP, TOKENS = 1022, 256, 2048
N_RESAMPLINGS = 10_000


def sequences_of_test(run: Run, n: int) -> list[str]:
    """Sequences of test proteins of different homology clusters."""
    table = run.proteins
    own = table[table["split"] == "test"].sample(frac=1, random_state=0).drop_duplicates("cluster")
    sequences: list[str] = own["sequence"].head(n).tolist()
    return sequences


def cost(
    esm2: FusedEsm2, sequences: Sequence[str], edit: Intervention
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean change of log p, and share of best amino acids that change, with their intervals."""
    sums = np.zeros((3, len(sequences)))
    for i, found in predict(esm2, sequences, [edit], True, CONTEXT, OVERLAP, TOKENS):
        tokens = tokenise(sequences[i])
        known = np.isin(tokens, STANDARD_TOKENS)
        at = (np.flatnonzero(known), tokens[known])
        best = [logp[known][:, STANDARD_TOKENS].argmax(1) for logp in (found.clean, found.edited)]
        sums[:, i] = (found.edited - found.clean)[at].sum(), (best[0] != best[1]).sum(), known.sum()
    weights = bootstrap_weights(len(sequences), N_RESAMPLINGS, 0)
    change, other = (
        (float(part.sum() / sums[2].sum()), *ratio_interval(part, sums[2], weights))
        for part in sums[:2]
    )
    return change, other


def main(argv: Sequence[str] | None = None) -> None:
    """Remove, predict, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results")
    parser.add_argument("annotated", help="its proteins, with their taxa")
    parser.add_argument("--sae", default="5/topk", metavar="LAYER/SAE")
    parser.add_argument("--model", required=True, help="its ESM-2")
    parser.add_argument("--proteins", type=int, default=40)
    parser.add_argument("--pairs", nargs="+", type=int, default=range(len(PAIRS)), help="numbers")
    args = parser.parse_args(argv)
    torch.set_num_threads(1)
    run, (number, variant) = read_run(args.results), sae_name(args.sae)
    layer, sae = run.pooled_layer(number, variant), run.sae(number, variant)
    esm2 = FusedEsm2(load_esm(args.model, "cpu").model.requires_grad_(False))
    table, sequences = run.proteins, sequences_of_test(run, args.proteins)
    yeast = is_yeast(args.annotated, table["accession"].tolist())
    print("| label | confounder | arm | probe | removed | log p, nats | best changes |")
    print("|---|---|---|---|---|---|---|")
    for label, confounder in (PAIRS[i] for i in args.pairs):
        target, other = (
            yeast if text == "yeast" else run.protein_label(text).values
            for text in (label, confounder)
        )
        known = np.isfinite(target) & np.isfinite(other)
        split = np.where(known, table["split"].to_numpy(str), "")
        cell = cells(target > 0, other > 0)
        own = chosen_proteins(cell, split, AGREE, np.random.default_rng(0))
        found = remove_confounder(
            layer.x_ND[own],
            layer.f_NF[own],
            layer.decoder_FD,
            target[own] > 0,
            other[own] > 0,
            table["cluster"].to_numpy()[own],
            split[own],
            rate=layer.rate_F,
            counts=COUNTS,
            draws=3,
            resamplings=1,
        )
        for (arm, probe), removal in found.removals.items():
            change, best = cost(esm2, sequences, removal_edit(removal, number, sae))
            said = "{:+.4f} [{:+.4f}, {:+.4f}]".format(*change)
            share = "{:.3f} [{:.3f}, {:.3f}]".format(*best)
            print(
                f"| {label} | {confounder} | {arm} | {probe} | {removal.n} | {said} | {share} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
