"""The circuit of a residue, or of a concept, as a graph that says how good it is."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import networkx as nx
import numpy as np

from protsae.errors import UserError
from protsae.interventions.circuits.ablated_runs import Site
from protsae.interventions.circuits.circuit_graph import Named, circuit_graph
from protsae.interventions.circuits.find_circuit import (
    LEAST_AT_STAKE,
    Circuit,
    NothingAtStake,
    Search,
    find_circuit,
)
from protsae.interventions.circuits.judged_circuit import Judged, judge
from protsae.io.progress import progress
from protsae.stages.explaining.given_proteins import given_proteins
from protsae.stages.intervening.intervened_proteins import run_proteins
from protsae.stages.tracing.opened_tracing import Tracing
from protsae.stages.tracing.traced_sites import TracedSite, concept_sites
from protsae.statistics.mean_intervals import mean_interval


def validate_search(search: Search) -> None:
    """Raise UserError for a number that makes no sense."""
    if not 0 < search.share < 1:
        raise UserError(f"--share {search.share:g}; expected a share above 0, below 1")
    if search.steps < 1 or search.most_nodes < 1 or search.draws < 1 or search.seed < 0:
        raise UserError(
            f"--steps {search.steps}, --most-nodes {search.most_nodes}, --draws {search.draws}, "
            f"--seed {search.seed}; expected at least 1, 1, 1 and 0"
        )


def site_circuit(tracing: Tracing, site: TracedSite, search: Search) -> nx.MultiDiGraph:
    """The circuit of one residue, found and judged at it.

    Raises
    ------
    UserError
        If a number makes no sense, or features hardly change the output there.
    """
    validate_search(search)
    site.validate()
    window = site.window(tracing)
    seen = site.sequence[window.start : window.stop]
    tokens = ["<cls>", *seen, "<eos>"]
    named = Named(tracing.variant, tracing.layers, tokens, tracing.labels, window.start)
    one = site.open(tracing)
    circuit = _found(tracing, [lambda: one], search, site.output)
    judged = _judged(tracing, circuit, [lambda: one], search)
    about = {
        "output": site.output,
        "protein": site.name,
        "position": site.position,
        "is_masked": site.is_masked,
    }
    return _graph(tracing, circuit, judged, named, search, about)


def concept_circuit(
    tracing: Tracing, concept: str, n_sites: int, search: Search, is_masked: bool = True
) -> nx.MultiDiGraph:
    """The circuit of a concept's residues, found at one half of the sites and judged at the other.

    The output is log p of the true residue, mean over sites; each is of another homology cluster
    of test. Nodes are features at all residues together.

    Raises
    ------
    UserError
        As `concept_sites` and `site_circuit`.
    """
    validate_search(search)
    halves = concept_sites(tracing, concept, n_sites, search.seed, is_masked)
    named = Named(tracing.variant, tracing.layers, [], tracing.labels)

    def opened(half: Sequence[TracedSite]) -> list[Site]:
        return [lambda site=site: site.open(tracing) for site in half]  # type: ignore[misc]

    found_on, judged_on = halves
    what = f"log p of the true residue, mean over residues with {concept}"
    circuit = _found(tracing, opened(found_on), search, what)
    judged = _judged(tracing, circuit, opened(judged_on), search)
    about = {
        "output": what,
        "concept": concept,
        "is_masked": is_masked,
        "found_on": [f"{site.name} {site.residue}{site.position}" for site in found_on],
        "judged_on": [f"{site.name} {site.residue}{site.position}" for site in judged_on],
    }
    return _graph(tracing, circuit, judged, named, search, about)


def given_circuit(
    tracing: Tracing,
    protein: str | None,
    sequence: str | None,
    concept: str | None,
    position: int | None,
    to: str | None,
    n_sites: int,
    search: Search,
    is_masked: bool,
) -> nx.MultiDiGraph:
    """The circuit that a command line asks for: of a protein's or sequence's residue, or a concept.

    Raises
    ------
    UserError
        If a residue is given with a concept or missing without one, and as `site_circuit` and
        `concept_circuit`.
    """
    if concept is not None:
        if position is not None or to is not None:
            raise UserError(
                "--concept: has residues of its own; leave --residue and --to out, or give "
                "--protein"
            )
        return concept_circuit(tracing, concept, n_sites, search, is_masked)
    if position is None:
        raise UserError("--residue: missing; give the residue whose prediction is traced, from 1")
    if protein is not None:
        [(name, letters)] = run_proteins(tracing.run, [protein])
    else:
        [(name, letters)] = given_proteins(sequence, None)
    return site_circuit(tracing, TracedSite(name, letters, position, to, is_masked), search)


def _track(numbers: Sequence[int], what: str) -> Iterable[int]:
    return progress(numbers, what, "steps")


def _found(tracing: Tracing, sites: Sequence[Site], search: Search, what: str) -> Circuit:
    rest = (tracing.dictionaries, search, tracing.tokens_per_batch, _track)
    try:
        return find_circuit(sites, *rest)
    except NothingAtStake as error:
        raise UserError(
            f"{what}: ablating all features of all layers changes it by {error} nats; expected at "
            f"least {LEAST_AT_STAKE} for a circuit; take another residue, or more layers"
        ) from None


def _judged(tracing: Tracing, circuit: Circuit, sites: Sequence[Site], search: Search) -> Judged:
    numbers = (search.draws, search.seed, tracing.tokens_per_batch)
    return judge(circuit, sites, tracing.dictionaries, *numbers)


def _graph(
    tracing: Tracing,
    circuit: Circuit,
    judged: Judged,
    named: Named,
    search: Search,
    about: Mapping[str, Any],
) -> nx.MultiDiGraph:
    places = zip(tracing.layers, circuit.place_effects.tolist(), strict=True)
    low, high = np.quantile(judged.random, [0.025, 0.975])
    curve = [[n, faithfulness] for n, faithfulness in circuit.curve.items()]
    stated: dict[str, Any] = {
        **about,
        "layers": list(tracing.layers),
        "variant": tracing.variant,
        "share": search.share,
        "steps": search.steps,
        "n_active": len(circuit.active),
        "n_nodes": circuit.n_features,
        "n_edges": int(circuit.has_edge().sum()),
        "clean_output": float(circuit.found_on.full.mean()),
        "ablated_output": float(circuit.found_on.empty.mean()),
        "n_judged": judged.n_sites,
        "at_stake": judged.at_stake,
        "faithfulness": judged.graph,
        "node_faithfulness": judged.nodes,
        "without": judged.without,
        "random_faithfulness": float(judged.random.mean()),
        "random_low": float(low),
        "random_high": float(high),
        "random_as_good": judged.random_as_good,
        "strongest_faithfulness": judged.strongest,
        "no_errors_faithfulness": judged.no_errors_nodes,
        "no_errors_all_features": judged.no_errors_all,
        "curve": curve,
        "layer_effects": [[layer, *effects] for layer, effects in places],
        "made_from": dict(tracing.made_from),
    }
    if circuit.n_needed is not None:
        stated["n_needed"] = circuit.n_needed
    if judged.n_sites > 1:
        stated |= {"faithfulness_low": judged.graph_low, "faithfulness_high": judged.graph_high}
    return circuit_graph(circuit, tracing.dictionaries, named, mean_interval, stated)
