"""Are features followed from layer to layer, and absorption found, where both are planted?

A world has proteins of uneven lengths, each of a homology cluster of its own, and a residual stream
of two layers: sums of atoms, each along a random direction, with noise. Atoms are of four kinds:
active at an amino acid, near the start or the end of the chain, in segments of some proteins, and
in segments of proteins of one of two classes, which all atoms of this kind share. Half of the atoms
of the first layer are there in the second, their directions turned a little; the others end, and as
many begin. An SAE's features are its layer's atoms in random order, encoded by TopK of projections:
they miss, and pick up what others write.

- right: of the atoms that persist, how many have a match that is theirs and is said to persist.
- wrong: of the atoms that end, how many are said to persist. Many of their matches are called, as
  features pick up what others write, or share an amino acid.
- permuted: of all, how many have a match that is called when the second layer is of other proteins.
- absorption: a broad concept has instances of six kinds. One kind is a narrower concept, which has
  its own feature. In half of the worlds the broad concept's feature is silent at instances of that
  kind; in the other half it misses equally many of every kind.

    python -m benchmarks.planted_neighbours --worlds 20 --check
"""

import argparse
import sys
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from protsae.association.scoring.metrics import CALLED_Q
from protsae.neighbours.absorption import Instances, absorbed
from protsae.neighbours.assignment import Pairs, assign
from protsae.neighbours.judged_pairs import judge_pairs
from protsae.statistics.multiple_testing import benjamini_hochberg

D_MODEL, N_ATOMS, K = 64, 40, 8
N_CHOSEN, N_TEST = 120, 80
"""Proteins that pairs are made on, and judged on."""
TURNED = 0.3
"""Length of what is added to a unit direction from one layer to the next."""
NOISE = 0.05
N_CLUSTERS, OF_EACH, KINDS = 60, 2, 6


@dataclass(frozen=True)
class World:
    """Codes of two layers, and which atom each feature is.

    Attributes
    ----------
    first, second : csr_array, shape (n_residues, N_ATOMS)
    atoms, next_atoms : ndarray of int, shape (N_ATOMS,)
        Atom of each feature; those of the second layer that begin there are N_ATOMS and above.
    lengths : ndarray of int, shape (N_CHOSEN + N_TEST,)
    letters : ndarray of int, shape (n_residues,)
    """

    first: sparse.csr_array
    second: sparse.csr_array
    atoms: np.ndarray
    next_atoms: np.ndarray
    lengths: np.ndarray
    letters: np.ndarray


def draw_world(seed: int) -> World:
    """All of it depends on the seed alone."""
    rng = np.random.default_rng(seed)
    lengths = np.exp(rng.normal(5, 0.6, N_CHOSEN + N_TEST)).astype(np.int64).clip(30, 800)
    letters = rng.choice(20, int(lengths.sum()), p=rng.dirichlet(np.full(20, 8)))
    is_class = rng.random(len(lengths)) < 0.4
    every = N_ATOMS + N_ATOMS // 2
    activity = np.stack(
        [_activity(rng, atom % 4, lengths, letters, is_class) for atom in range(every)], axis=1
    )
    directions = _unit(rng.normal(size=(every, D_MODEL)))
    turned = _unit(directions + TURNED * _unit(rng.normal(size=(every, D_MODEL))))
    atoms = rng.permutation(N_ATOMS)
    next_atoms = rng.permutation(np.r_[np.arange(N_ATOMS // 2), np.arange(N_ATOMS, every)])
    layers = [
        _codes(rng, activity[:, which], own[which])
        for which, own in ((atoms, directions), (next_atoms, turned))
    ]
    return World(layers[0], layers[1], atoms, next_atoms, lengths, letters)


def _activity(
    rng: np.random.Generator,
    kind: int,
    lengths: np.ndarray,
    letters: np.ndarray,
    is_class: np.ndarray,
) -> np.ndarray:
    """How active one atom is at every residue."""
    n = len(letters)
    strength = rng.gamma(4, 0.25, n)
    if kind == 0:
        return strength * (letters == rng.integers(20)) * (rng.random(n) < 0.8)
    if kind == 1:
        place = np.concatenate([np.arange(length) for length in lengths])
        from_end = np.repeat(lengths, lengths) - 1 - place
        has = np.repeat(rng.random(len(lengths)) < 0.5, lengths)
        return strength * has * ((place if rng.random() < 0.5 else from_end) < rng.integers(3, 30))
    chance = 0.4 if kind == 2 else np.where(is_class, 0.8, 0.05)
    active = np.zeros(n, bool)
    ends = np.cumsum(lengths)
    for protein in np.flatnonzero(rng.random(len(lengths)) < chance).tolist():
        size = min(int(rng.integers(5, 30)), int(lengths[protein]))
        start = int(ends[protein] - lengths[protein] + rng.integers(lengths[protein] - size + 1))
        active[start : start + size] = True
    return strength * active


def _codes(
    rng: np.random.Generator, activity: np.ndarray, directions: np.ndarray
) -> sparse.csr_array:
    """The K largest positive projections of each residue on the atoms of its layer."""
    noise = NOISE * rng.normal(size=(len(activity), D_MODEL))
    projected = (activity @ directions + noise) @ directions.T
    least = np.partition(projected, -K, axis=1)[:, -K][:, None]
    found = np.where((projected >= least) & (projected > 2 * NOISE), projected, 0)
    return sparse.csr_array(found.astype(np.float32))


def _unit(rows: np.ndarray) -> np.ndarray:
    unit: np.ndarray = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


def measure(world: World, seed: int) -> dict[str, int]:
    """Counts of one world, as of this module's text."""
    pairs, called, same = _judged(world, world.second)
    own = dict(zip(pairs.own.tolist(), pairs.other.tolist(), strict=True))
    persist = world.atoms < N_ATOMS // 2
    right = [
        feature
        for feature in np.flatnonzero(persist).tolist()
        if feature in same and world.next_atoms[own[feature]] == world.atoms[feature]
    ]
    _, shuffled, _ = _judged(world, _of_other_proteins(world, seed))
    return {
        "persisting": int(persist.sum()),
        "right": len(right),
        "ending": int((~persist).sum()),
        "wrong": len([feature for feature in same if not persist[feature]]),
        "related": len([feature for feature in called if not persist[feature]]),
        "features": N_ATOMS,
        "permuted": len(shuffled),
    }


def _judged(world: World, second: sparse.csr_array) -> tuple[Pairs, set[int], set[int]]:
    """All pairs, the features with a match that is called, and those said to persist."""
    n_chosen = int(world.lengths[:N_CHOSEN].sum())
    pairs = assign(world.first[:n_chosen], second[:n_chosen])
    found = judge_pairs(
        world.first[n_chosen:],
        second[n_chosen:],
        pairs,
        world.lengths[N_CHOSEN:],
        world.letters[n_chosen:],
    )
    q_value = benjamini_hochberg(found.p_value)
    called, same = (
        set(pairs.own[which].tolist())
        for which in (q_value <= CALLED_Q, found.persists(q_value) == 1)
    )
    return pairs, called, same


def _of_other_proteins(world: World, seed: int) -> sparse.csr_array:
    """The second layer with proteins in another order: each gets what another has, cut to its own
    length or repeated."""
    rng = np.random.default_rng(seed)
    starts = np.cumsum(world.lengths) - world.lengths
    rows = []
    for half in (np.arange(N_CHOSEN), np.arange(N_CHOSEN, len(world.lengths))):
        for own, other in zip(half, np.roll(rng.permutation(half), 1), strict=True):
            place = np.arange(world.lengths[own]) % world.lengths[other]
            rows.append(starts[other] + place)
    return world.second[np.concatenate(rows)]


def absorption(seed: int) -> tuple[bool, bool]:
    """Whether absorption is planted, and whether it is found."""
    rng = np.random.default_rng(seed)
    is_planted = bool(seed % 2)
    n = N_CLUSTERS * OF_EACH * KINDS
    cluster, kind = (
        np.repeat(np.arange(N_CLUSTERS), OF_EACH * KINDS),
        np.tile(np.arange(KINDS), n // KINDS),
    )
    # Relatives are missed together.
    hard = np.repeat(rng.random(N_CLUSTERS) < 0.3, OF_EACH * KINDS)
    silent = np.where(kind == 0, 0.9, 0.15) if is_planted else np.full(n, 0.25)
    is_silent = (rng.random(n) < silent) | (hard & (rng.random(n) < 0.5))
    # The others' features have taken nothing; instances are as long as those of the narrower one.
    of_others, length = np.zeros(n, bool), np.full(n, 50)
    is_taken = rng.random(n) < 0.9
    found = absorbed(Instances(cluster, kind == 0, of_others, length, is_silent, is_taken))
    return is_planted, found.is_found


def main() -> None:
    """Draw worlds, count, and compare with what is asked of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--worlds", type=int, default=20)
    parser.add_argument("--check", action="store_true", help="fail if one of them is missed")
    args = parser.parse_args()
    total: dict[str, int] = {}
    for seed in range(args.worlds):
        for name, count in measure(draw_world(seed), seed).items():
            total[name] = total.get(name, 0) + count
    found = [absorption(seed) for seed in range(10 * args.worlds)]
    planted = [is_found for is_planted, is_found in found if is_planted]
    others = [is_found for is_planted, is_found in found if not is_planted]
    shares = {
        "persisting, right and said to persist": (total["right"], total["persisting"]),
        "ending, said to persist": (total["wrong"], total["ending"]),
        "in permuted proteins, called": (total["permuted"], total["features"]),
        "absorption planted, found": (sum(planted), len(planted)),
        "none planted, found": (sum(others), len(others)),
    }
    print(f"ending, with a match that is called: {total['related']} of {total['ending']}")
    for name, (part, whole) in shares.items():
        print(f"{name}: {part} of {whole} ({part / whole:.1%})")
    if args.check:
        most = {
            name: 0.05 + 2 * np.sqrt(0.05 * 0.95 / whole) for name, (_, whole) in shares.items()
        }
        wrong = [
            name
            for name, (part, whole) in shares.items()
            if (
                part / whole < 0.95
                if name.startswith(("persisting", "absorption"))
                else part / whole > most[name]
            )
        ]
        if wrong:
            sys.exit(f"missed: {'; '.join(wrong)}")


if __name__ == "__main__":
    main()
