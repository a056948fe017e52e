"""How good a circuit is, at sites that may be others than those that it was found at."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from protsae.interventions.circuits.ablated_runs import (
    ALL_KEPT,
    NONE_KEPT,
    Kept,
    Scale,
    Site,
    site_outputs,
)
from protsae.interventions.circuits.circuit_nodes import Nodes
from protsae.interventions.circuits.find_circuit import Circuit
from protsae.interventions.circuits.graph_runs import graph_output
from protsae.interventions.circuits.layered_pass import Dictionary
from protsae.statistics.cluster_intervals import (
    bootstrap_weights,
    expanded_percentiles,
    interval,
)

N_RESAMPLINGS = 2000


@dataclass(frozen=True)
class Judged:
    """What a circuit keeps of the output, beside graphs of equal size.

    Attributes
    ----------
    n_sites : int
    at_stake : float
        What all features together do to y, nats, mean over sites.
    nodes, graph : float
        Faithfulness with the nodes kept, and with the edges alone.
    graph_low, graph_high : float
        95 % interval of the latter over sites; NaN of one site.
    without : float
        Faithfulness of all features but those of the circuit: the lower, the more complete it is.
    random : ndarray, shape (n_draws,)
        Faithfulness of graphs of random active nodes, as many of each place.
    strongest : float
        That of the nodes with the largest activations, as many of each place.
    no_errors_nodes, no_errors_all : float
        Share that the nodes, and all features, keep of y if errors are ablated, too: of what all
        features and errors of residues together do.
    """

    n_sites: int
    at_stake: float
    nodes: float
    graph: float
    graph_low: float
    graph_high: float
    without: float
    random: np.ndarray
    strongest: float
    no_errors_nodes: float
    no_errors_all: float

    @property
    def random_as_good(self) -> float:
        """Share of random graphs whose faithfulness is as near to 1 as that of the nodes."""
        return float((np.abs(1 - self.random) <= abs(1 - self.nodes)).mean())


def judge(
    circuit: Circuit,
    sites: Sequence[Site],
    dictionaries: Sequence[Dictionary],
    draws: int,
    seed: int,
    tokens_per_batch: int,
) -> Judged:
    """Run a circuit, what is left without it, and graphs of equal size.

    Parameters
    ----------
    sites : sequence of function
        Passes, opened one after another.
    draws, seed : int
        Random graphs.
    tokens_per_batch : int
        Tokens that run together, at least one copy of a pass.
    """
    own, rng = circuit.features, np.random.default_rng(seed)
    drawn = [Kept(random_nodes(circuit.active, own, rng)) for _ in range(draws)]
    strongest = Kept(strongest_nodes(circuit.active, own))
    sets = [ALL_KEPT, NONE_KEPT, Kept(own), Kept(own, is_complement=True), strongest, *drawn]
    found = site_outputs(sites, dictionaries, sets, tokens_per_batch)
    bare = site_outputs(sites, dictionaries, sets[:3], tokens_per_batch, keep_errors=False)
    rest = (dictionaries, own, circuit.has_edge(), tokens_per_batch)
    along = np.array([graph_output(open_site(), *rest) for open_site in sites])
    scale, bare_scale = Scale(found[0], found[1]), Scale(found[0], bare[1])
    limits = np.nan, np.nan
    if len(sites) > 1:
        weights = bootstrap_weights(len(sites), N_RESAMPLINGS, seed)
        kept, stake = weights @ (along - scale.empty), weights @ (scale.full - scale.empty)
        low, high = interval(kept / stake, expanded_percentiles(len(sites)))
        limits = float(low), float(high)
    return Judged(
        n_sites=len(sites),
        at_stake=scale.at_stake,
        nodes=float(scale.faithfulness(found[2])),
        graph=float(scale.faithfulness(along)),
        graph_low=limits[0],
        graph_high=limits[1],
        without=float(scale.faithfulness(found[3])),
        random=scale.faithfulness(found[5:]),
        strongest=float(scale.faithfulness(found[4])),
        no_errors_nodes=float(bare_scale.faithfulness(bare[2])),
        no_errors_all=float(bare_scale.faithfulness(bare[0])),
    )


def random_nodes(active: Nodes, circuit: Nodes, rng: np.random.Generator) -> Nodes:
    """Of each place as many active nodes as the circuit has, drawn at random.

    Examples
    --------
    >>> place, zeros = np.array([0, 0, 0, 1, 1]), np.zeros(5)
    >>> active = Nodes(place, np.arange(5), np.arange(5), zeros, zeros)
    >>> drawn = random_nodes(active, active[[0, 1, 4]], np.random.default_rng(0))
    >>> drawn.place.tolist()
    [0, 0, 1]
    """
    return _most(active, circuit, rng.random(len(active)))


def strongest_nodes(active: Nodes, circuit: Nodes) -> Nodes:
    """Of each place as many as the circuit has, those with the largest activations."""
    return _most(active, circuit, active.activation)


def _most(active: Nodes, circuit: Nodes, score: np.ndarray) -> Nodes:
    order = np.argsort(-score, kind="stable")
    places, counts = np.unique(circuit.place, return_counts=True)
    chosen = [
        order[active.place[order] == place][:n] for place, n in zip(places, counts, strict=True)
    ]
    return active[np.concatenate(chosen).astype(np.int64)] if chosen else active[:0]
