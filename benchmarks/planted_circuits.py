"""Is the circuit found the circuit built, in transformers built by hand? And is it with less care?

Each world is a transformer of its own random directions (benchmarks.worlds.induction), with
distractors of varying strength and noise. Beside the search as it is: with gradients at the end of
the path alone (gradient x activation), and with less sharp attention and stronger leaks.

    python -m benchmarks.planted_circuits --worlds 20 --check
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks.worlds.induction import InductionWorld, Text
from protsae.interventions.circuits.find_circuit import Circuit, Search, find_circuit
from protsae.interventions.circuits.judged_circuit import judge

BUDGET = 8192
LEAST_EXACT, LEAST_RATE = 0.95, 0.99
"""Share of worlds whose graph is the one built, and precision and recall of nodes and edges."""


@dataclass(frozen=True)
class Case:
    """Worlds of one kind, and how their circuits are looked for."""

    name: str
    noise: float
    leak: float
    search: Search
    is_checked: bool


CASES = (
    Case("as built", 0.1, 0.003, Search(steps=40), True),
    Case("noise as strong as letters", 1.0, 0.003, Search(steps=40), True),
    Case("leaks seven times as strong", 0.1, 0.02, Search(steps=40), False),
    Case("as built, 10 points of the path", 0.1, 0.003, Search(), False),
    Case("as built, gradient x activation", 0.1, 0.003, Search(steps=1), False),
)


def rates(found: set, built: set) -> tuple[float, float]:
    """Precision and recall."""
    both = len(found & built)
    return both / max(1, len(found)), both / len(built)


def compared(circuit: Circuit, text: Text) -> dict[str, float]:
    """Whether a circuit is the one built, and how far."""
    keys = circuit.nodes.keys
    pairs = zip(circuit.edges.source, circuit.edges.target, strict=True)
    edges = {(keys[source], keys[target]) for source, target in pairs}
    nodes = set(circuit.features.keys)
    node_rates, edge_rates = rates(nodes, text.nodes), rates(edges, text.edges)
    return {
        "exact": float(nodes == text.nodes and edges == text.edges),
        **dict(zip(("node precision", "node recall"), node_rates, strict=True)),
        **dict(zip(("edge precision", "edge recall"), edge_rates, strict=True)),
        "nodes": len(nodes),
    }


def run_world(seed: int, case: Case) -> dict[str, float]:
    """One world, one text."""
    world = InductionWorld(seed, case.noise, case.leak)
    text = world.text()
    one, dictionaries = world.open(text), [world.dictionary()] * 4
    circuit = find_circuit([lambda: one], dictionaries, case.search, BUDGET)
    judged = judge(circuit, [lambda: one], dictionaries, 20, seed, BUDGET)
    return {
        **compared(circuit, text),
        "keeps": judged.graph,
        "without": judged.without,
        "random": float(judged.random.mean()),
        "strongest": judged.strongest,
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Run the worlds and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--worlds", type=int, default=20)
    parser.add_argument("--first", type=int, default=0, help="seed of the first world")
    parser.add_argument("--check", action="store_true", help="fail unless the numbers hold")
    args = parser.parse_args(argv)
    seeds = range(args.first, args.first + args.worlds)
    rows = []
    for case in CASES:
        found = pd.DataFrame([run_world(seed, case) for seed in seeds])
        rows.append({"case": case.name, **found.mean()})
    table = pd.DataFrame(rows).set_index("case")
    print(table.round(3).to_markdown())
    checked = table.loc[[case.name for case in CASES if case.is_checked]]
    names = [f"{what} {rate}" for what in ("node", "edge") for rate in ("precision", "recall")]
    holds = bool((checked["exact"] >= LEAST_EXACT).all() and np.all(checked[names] >= LEAST_RATE))
    print("holds" if holds else "does not hold")
    if args.check and not holds:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
