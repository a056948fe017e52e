"""Worlds in which labels are known in a part of the chain only."""

from collections.abc import Callable

import numpy as np

from benchmarks.worlds.families import Families, draw_families, unequal_sizes
from benchmarks.worlds.marks import (
    alternating,
    annotated,
    family_windows,
    known_around,
    known_pieces,
    known_within,
    on_all,
    scattered,
    some_families,
    spread,
    windows,
)
from benchmarks.worlds.relatives import compare
from benchmarks.worlds.world import Sketch, World, detected

KNOWN_SHARES = (0.25, 0.5, 0.75, 0.9)

Known = Callable[[np.random.Generator, Families, float], np.ndarray]


def unknown_ends(rng: np.random.Generator, n_families: int) -> World:
    """Helices on a third of the chain, known in one stretch of 25 to 90 %, another in relatives.

    Null: features know nothing, neither the place nor what is known. Both tests must pass: what is
    on outside the known part cannot be counted against a feature.
    """
    return _helices(rng, n_families, known_within)


def unknown_inside(rng: np.random.Generator, n_families: int) -> World:
    """Helices on a third of the chain, unknown in one stretch inside of 10 to 75 %.

    Null: as with unknown ends. Helices end at the gap where they are cut by it.
    """
    return _helices(rng, n_families, known_around)


def known_in_pieces(rng: np.random.Generator, n_families: int) -> World:
    """Helices on a third of the chain, known in pieces of 8 to 30 residues, 25 to 90 % of all.

    Null: as with unknown ends.
    """
    return _helices(rng, n_families, known_pieces)


def known_by_family(rng: np.random.Generator, n_families: int) -> World:
    """Windows known in a stretch of 25 to 90 %, the same in all relatives.

    Null: features know the families that have labels, not the place. The larger p must hold. That
    of the rotation alone is a little small: what is cut at the edge of the known part lies there in
    labels and features alike, and only labels are rotated away.
    """
    families = draw_families(rng, unequal_sizes(rng, n_families))
    sketch = Sketch(rng, families)
    labels = []
    for share in KNOWN_SHARES:
        has = annotated(rng, families, 0.6)
        labels.append(windows(rng, families, has, (8, 40)))
        known = known_within(rng, families, share, conserved=True)
        concept = sketch.concept(labels[-1], known)
        sketch.detector(concept, labels[-1])
        for size in ((8, 40), (20, 80)):
            mask = windows(rng, families, has, size)
            sketch.null(detected(rng, families, mask), [concept])
    compare(sketch, labels)
    return sketch.world()


def known_around_labels(rng: np.random.Generator, n_families: int) -> World:
    """By experiment: known in 10 to 60 residues around each label, and nowhere else.

    Null: features in families of their own; both tests must pass. So that there are negatives, a
    third of the families without a label are known throughout.
    """
    families = draw_families(rng, unequal_sizes(rng, n_families))
    sketch = Sketch(rng, families)
    labels = []
    for _ in range(2):
        has = annotated(rng, families, 0.5)
        begin, end = family_windows(rng, families.ancestor, (8, 40))
        label = spread(rng, families, has, begin, end)
        margin = rng.integers(10, 60, (2, families.n_families))
        known = spread(rng, families, has, begin - margin[0], end + margin[1])
        known |= (~has & some_families(rng, families, 1 / 3))[families.family[families.protein]]
        labels.append(label)
        sketch.detector(sketch.concept(label, known), label)
    _features_of_no_place(sketch, [0, 1])
    compare(sketch, labels)
    return sketch.world()


def _helices(rng: np.random.Generator, n_families: int, known: Known) -> World:
    families = draw_families(rng, unequal_sizes(rng, n_families))
    sketch = Sketch(rng, families)
    labels = []
    for share in KNOWN_SHARES:
        label = alternating(rng, families, on_all(families), (5, 18), (8, 35), missing=0.0)
        labels.append(label)
        sketch.detector(sketch.concept(label, known(rng, families, share)), label)
    _features_of_no_place(sketch, list(range(len(KNOWN_SHARES))))
    compare(sketch, labels)
    return sketch.world()


def _features_of_no_place(sketch: Sketch, concepts: list[int]) -> None:
    rng, families = sketch.rng, sketch.families
    masks = (
        alternating(rng, families, on_all(families), (4, 25), (8, 40)),
        alternating(rng, families, some_families(rng, families, 0.6), (10, 40), (10, 60)),
        windows(rng, families, some_families(rng, families, 0.5), (0.3, 0.8)),
        scattered(rng, np.ones(len(families.protein), bool), 0.1),
    )
    for mask in masks:
        sketch.null(detected(rng, families, mask), concepts, rotation=True, position=True)
