"""What a circuit is compared with: as many nodes of each place, chosen without knowing effects."""

import numpy as np

from protsae.interventions.circuits.circuit_nodes import Nodes


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
