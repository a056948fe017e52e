"""Worlds of places: what lies near an end, away from both, or at a distance from one."""

import numpy as np

from benchmarks.worlds.families import draw_families, unequal_sizes
from benchmarks.worlds.marks import (
    ENDS,
    MIDDLE,
    annotated,
    from_terminus,
    known_pieces,
    known_within,
    on_all,
    some_families,
    windows,
)
from benchmarks.worlds.relatives import compare
from benchmarks.worlds.world import Sketch, World, detected


def seek_ends(rng: np.random.Generator, n_families: int) -> World:
    """Labels and features within 60 residues of an end, or nearer to one of them than not.

    Null: which families have a feature is independent of the labels; the position-keeping test
    must pass.
    """
    families = draw_families(rng, unequal_sizes(rng, n_families))
    sketch = Sketch(rng, families)

    def places(has: np.ndarray) -> list[np.ndarray]:
        ends = [from_terminus(rng, families, has, (0, 50), (5, 30), end) for end in "NC"]
        return [*ends, windows(rng, families, has, (5, 30), ENDS)]

    labels = places(annotated(rng, families, 0.5))
    for label in labels:
        sketch.detector(sketch.concept(label), label)
    for share in (0.5, 0.9):
        for number, mask in enumerate(places(some_families(rng, families, share))):
            sketch.null(detected(rng, families, mask), [number], position=True)
    compare(sketch, labels)
    return sketch.world()


def avoid_ends(rng: np.random.Generator, n_families: int) -> World:
    """Short and long windows about the middle of the chain.

    Null: which families have a feature is independent of the labels; the position-keeping test
    must pass.
    """
    families = draw_families(rng, unequal_sizes(rng, n_families))
    sketch = Sketch(rng, families)
    labels = []
    for size in ((8, 30), (0.2, 0.6)):
        label = windows(rng, families, annotated(rng, families, 0.5), size, MIDDLE)
        labels.append(label)
        sketch.detector(sketch.concept(label), label)
    for share, size in ((0.5, (8, 40)), (0.9, (8, 40)), (0.5, (0.2, 0.7)), (0.9, (0.2, 0.7))):
        mask = windows(rng, families, some_families(rng, families, share), size, MIDDLE)
        sketch.null(detected(rng, families, mask), [0, 1], position=True)
    compare(sketch, labels)
    return sketch.world()


def position_only(rng: np.random.Generator, n_families: int) -> World:
    """Residues 1 to 22 or so: labels in 10, 30 and 70 % of the families, features in most of all.

    Null: a feature does not know in which families the labels are; the position-keeping test must
    pass, also where large families have labels more often. The rule "residues 1 to 22" has the F1
    of such a feature or more, so that no verdict may put it above.
    """
    families = draw_families(rng, unequal_sizes(rng, n_families))
    sketch = Sketch(rng, families)
    labels = []
    for share in (0.1, 0.3, 0.7):
        has = annotated(rng, families, share)
        label = from_terminus(rng, families, has, (0, 3), (18, 27))
        labels.append(label)
        sketch.detector(sketch.concept(label, rule=families.place < 22), label)
    for share in (1.0, 0.9, 0.6):
        for size in ((18, 27), (25, 35)):
            has = some_families(rng, families, share)
            mask = from_terminus(rng, families, has, (0, 3), size)
            sketch.null(detected(rng, families, mask), [0, 1, 2], position=True)
    compare(sketch, labels)
    return sketch.world()


def fixed_distance(rng: np.random.Generator, n_families: int) -> World:
    """Labels and features 40, 80 or 150 residues from the first residue, or 60 from the last.

    Null: as with position only, at distances at which a place counted in shares of the chain
    differs between proteins of unlike length.
    """
    families = draw_families(rng, unequal_sizes(rng, n_families), median=300)
    sketch = Sketch(rng, families)
    labels = []
    for distance, end in ((40, "N"), (80, "N"), (150, "N"), (60, "C")):
        near = (distance - 5, distance + 5)
        has = annotated(rng, families, 0.4)
        label = from_terminus(rng, families, has, near, (15, 25), end)
        begin = families.place if end == "N" else families.from_end
        rule = (begin >= distance) & (begin < distance + 20)
        labels.append(label)
        concept = sketch.concept(label, rule=rule)
        sketch.detector(concept, label)
        for share in (1.0, 0.6):
            has = some_families(rng, families, share) if share < 1 else on_all(families)
            mask = from_terminus(rng, families, has, near, (15, 25), end)
            sketch.null(detected(rng, families, mask), [concept], position=True)
    compare(sketch, labels)
    return sketch.world()


def ends_partly_known(rng: np.random.Generator, n_families: int) -> World:
    """Residues 1 to 22 or so in 40 % of the families, known in half of all proteins or residues.

    Null: as with position only; what is not known is no evidence that a place has no label.
    """
    families = draw_families(rng, unequal_sizes(rng, n_families))
    sketch = Sketch(rng, families)
    proteins = rng.random(families.n_proteins) < 0.5
    labels = []
    for known in (
        proteins[families.protein],
        known_within(rng, families, 0.6),
        known_pieces(rng, families, 0.5),
    ):
        label = from_terminus(rng, families, annotated(rng, families, 0.4), (0, 3), (18, 27))
        labels.append(label)
        concept = sketch.concept(label, known, rule=families.place < 22)
        # Few chains are known at their start where one stretch is: too few to tell a detector.
        if concept != 1:
            sketch.detector(concept, label)
        for share in (1.0, 0.6):
            has = some_families(rng, families, share)
            mask = from_terminus(rng, families, has, (0, 3), (18, 30))
            sketch.null(detected(rng, families, mask), [concept], position=True)
    compare(sketch, labels)
    return sketch.world()
