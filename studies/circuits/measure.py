"""How many features does it take to keep a prediction, and do random ones do as well?

Sites: residues of test proteins, one of a homology cluster, drawn at random until --sites are found
at which all features of the layers together change log p of the masked true residue by at least
--least nats. At each: how many nodes, features at single residues, it takes to keep 80 % of that,
in the order of their effects, of their activations, and at random; and what as many random nodes
keep. Then the circuits of concepts, found at half of their sites and judged at the others.

    python -m studies.circuits.measure results --sae topk --layers 2 4 6 --concepts DISULFID
"""

import argparse
from collections.abc import Sequence

import numpy as np
import pandas as pd

from protsae.errors import UserError
from protsae.interventions.circuits.ablated_runs import (
    ALL_KEPT,
    NONE_KEPT,
    Kept,
    Scale,
    outputs,
)
from protsae.interventions.circuits.circuit_nodes import Nodes, anatomy, feature_nodes
from protsae.interventions.circuits.find_circuit import Search
from protsae.interventions.circuits.judged_circuit import random_nodes, strongest_nodes
from protsae.interventions.circuits.pruning import smallest_size
from protsae.proteins.alphabet import STANDARD
from protsae.stages.run_object.open_run import read_run
from protsae.stages.tracing.opened_tracing import Tracing
from protsae.stages.tracing.trace_circuit import concept_circuit
from protsae.stages.tracing.traced_sites import TracedSite

SHARE, STEPS, DRAWS, SHUFFLES = 0.8, 10, 20, 3
LONGEST = 400
"""Residues of a protein, at most."""


def drawn_sites(tracing: Tracing, seed: int) -> list[TracedSite]:
    """One residue of each test cluster, at random."""
    rng = np.random.default_rng(seed)
    test = tracing.run.study.of_split("test")
    test = test[test["sequence"].str.len() <= LONGEST]
    test = test.sample(frac=1, random_state=seed).drop_duplicates("cluster")
    found = []
    for name, sequence in zip(test["accession"], test["sequence"], strict=True):
        at = int(rng.choice([n for n, letter in enumerate(sequence) if letter in STANDARD]))
        found.append(TracedSite(name, sequence, at + 1))
    return found


def site_row(tracing: Tracing, site: TracedSite, least: float) -> dict[str, object] | None:
    """Sizes and shares at one site; None if too little is at stake."""
    one, dictionaries = site.open(tracing), tracing.dictionaries
    budget, rng = tracing.tokens_per_batch, np.random.default_rng(0)
    full, empty = outputs(one, dictionaries, [ALL_KEPT, NONE_KEPT], budget)
    scale = Scale(np.array([full]), np.array([empty]))
    if abs(scale.at_stake) < least:
        return None
    active = feature_nodes(anatomy(one, dictionaries, STEPS, budget), dictionaries, True).ranked()

    def faithfulness(sets: Sequence[Nodes]) -> np.ndarray:
        found = outputs(one, dictionaries, [Kept(nodes) for nodes in sets], budget)
        return scale.faithfulness(found[:, None])

    def needed(order: Nodes) -> int:
        size, _ = smallest_size(
            lambda sizes: faithfulness([order[:n] for n in sizes]), len(order), SHARE
        )
        return len(order) if size is None else size

    n_nodes = needed(active)
    own = active[:n_nodes]
    by_activation = active[np.argsort(-active.activation, kind="stable")]
    shuffled = [needed(active[rng.permutation(len(active))]) for _ in range(SHUFFLES)]
    drawn = faithfulness([random_nodes(active, own, rng) for _ in range(DRAWS)])
    kept, strongest = faithfulness([own, strongest_nodes(active, own)])
    hundred = faithfulness([active[:100]])[0]
    return {
        "site": f"{site.name} {site.residue}{site.position}",
        "at_stake": round(scale.at_stake, 2),
        "active": len(active),
        "needed": n_nodes,
        "kept": round(float(kept), 2),
        "random_same_size": f"{drawn.mean():.2f} ({drawn.min():.2f} to {drawn.max():.2f})",
        "strongest_same_size": round(float(strongest), 2),
        "needed_by_activation": needed(by_activation),
        "needed_at_random": int(np.median(shuffled)),
        "kept_by_100": round(float(hundred), 2),
    }


CONCEPT_COLUMNS = (
    *("n_active", "n_nodes", "n_edges", "n_judged", "at_stake", "faithfulness"),
    *("faithfulness_low", "faithfulness_high", "node_faithfulness", "without"),
    *("random_faithfulness", "random_low", "random_high", "strongest_faithfulness"),
)


def concept_row(tracing: Tracing, concept: str, most_nodes: int) -> dict[str, object]:
    """The circuit of a concept, on the half of the sites that it was not found at."""
    search = Search(share=SHARE, most_nodes=most_nodes)
    graph = concept_circuit(tracing, concept, 20, search)
    stated = graph.graph
    numbers = {name: round(stated[name], 2) for name in CONCEPT_COLUMNS}
    found_on = stated["clean_output"] - stated["ablated_output"]
    needed = stated.get("n_needed")
    return {"concept": concept, "found_at_stake": round(found_on, 2), "needed": needed, **numbers}


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results")
    parser.add_argument("--sae", default="topk")
    parser.add_argument("--layers", type=int, nargs="+")
    parser.add_argument("--sites", type=int, default=10)
    parser.add_argument("--least", type=float, default=0.5, help="nats at stake (%(default)s)")
    parser.add_argument("--concepts", nargs="*", default=[])
    parser.add_argument("--most-nodes", type=int, default=100)
    args = parser.parse_args(argv)
    tracing = read_run(args.results).tracing(args.sae, args.layers)
    rows: list[dict[str, object]] = []
    n_drawn = 0
    for site in drawn_sites(tracing, seed=0):
        if len(rows) == args.sites:
            break
        n_drawn += 1
        row = site_row(tracing, site, args.least)
        if row is not None:
            rows.append(row)
            print(row, flush=True)
    print(f"{len(rows)} sites of {n_drawn} drawn have {args.least} nats at stake")
    print(pd.DataFrame(rows).to_markdown(index=False))
    for concept in args.concepts:
        try:
            print(concept_row(tracing, concept, args.most_nodes), flush=True)
        except UserError as error:
            print(f"{concept}: {error}", flush=True)


if __name__ == "__main__":
    main()
