"""Worlds that nobody who wrote the tests asked for, each of something that real proteins have."""

import numpy as np

from benchmarks.worlds.families import MEDIAN, draw_families, unequal_sizes
from benchmarks.worlds.marks import (
    alternating,
    annotated,
    family_windows,
    from_terminus,
    on_all,
    scattered,
    some_families,
    spread,
    windows,
)
from benchmarks.worlds.relatives import compare
from benchmarks.worlds.world import Sketch, World, detected


def patchy_domains(rng: np.random.Generator, n_families: int) -> World:
    """Patches of 2 to 8 residues, many to a domain of 40 to 75 % of the chain, as of one fold.

    Null: label and feature each keep to a domain of their own in the same families, at independent
    places. A domain never runs over the end of a chain, so that two such large ones meet in the
    middle; rotation of single patches takes them over the end. The larger p-value must hold.
    """
    families = draw_families(rng, unequal_sizes(rng, n_families))
    sketch = Sketch(rng, families)

    def patches(has: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        domain = windows(rng, families, has, (0.4, 0.75), missing=0.0)
        return domain & alternating(rng, families, has, size, (2, 8), most=160)

    labels = []
    for _ in range(2):
        has = annotated(rng, families, 0.5)
        labels.append(patches(has, (2, 8)))
        concept = sketch.concept(labels[-1])
        sketch.detector(concept, labels[-1])
        for size in ((2, 8), (2, 8), (1, 3)):
            sketch.null(detected(rng, families, patches(has, size)), [concept])
        mask = patches(some_families(rng, families, 0.5), (2, 8))
        sketch.null(detected(rng, families, mask), [concept], position=True)
    compare(sketch, labels)
    return sketch.world()


def one_giant_family(rng: np.random.Generator, n_families: int) -> World:
    """One family has 40 proteins, and a third of all residues with a label.

    Null: as with unequal families. Verdicts and intervals rest on few effective clusters: an equal
    of the detector is a baseline.
    """
    sizes = unequal_sizes(rng, n_families)
    sizes[rng.integers(n_families)] = 40
    families = draw_families(rng, sizes)
    sketch = Sketch(rng, families)
    labels = []
    for _ in range(2):
        has = annotated(rng, families, 0.4, by_size=0.3) | (families.size == 40)
        labels.append(windows(rng, families, has, (8, 60)))
        concept = sketch.concept(labels[-1])
        sketch.detector(concept, labels[-1])
        for size in ((8, 40), (20, 80)):
            mask = windows(rng, families, has, size)
            sketch.null(detected(rng, families, mask), [concept], rotation=True)
            mask = windows(rng, families, annotated(rng, families, 0.5, 0.3), size)
            sketch.null(detected(rng, families, mask), [concept], rotation=True, position=True)
    for label in labels:
        sketch.baseline(detected(rng, families, label))
    return sketch.world()


def copies(rng: np.random.Generator, n_families: int) -> World:
    """Features in ten copies that differ in noise only, as wide dictionaries have; nested labels.

    Null: as with unequal families; the copies of one null feature are called together, so that
    false discoveries come in clumps.
    """
    families = draw_families(rng, unequal_sizes(rng, n_families))
    sketch = Sketch(rng, families)
    has = annotated(rng, families, 0.7)
    whole = windows(rng, families, has, (10, 50))
    some = whole & some_families(rng, families, 0.6)[families.family[families.protein]]
    labels = [whole, some]
    for label in labels:
        sketch.detector(sketch.concept(label), label)
    for latent in range(3):
        of = has if latent else some_families(rng, families, 0.6)
        mask = windows(rng, families, of, (10, 60))
        for _ in range(8):
            values = detected(rng, families, mask, hit=0.9, alike=30)
            sketch.null(values, [0, 1], rotation=True, position=not latent)
    compare(sketch, labels)
    return sketch.world()


def studied_constructs(rng: np.random.Generator, n_families: int) -> World:
    """Known in a construct of 30 to 70 % of the chain, whose ends are disordered.

    Helices keep 12 residues or more away from the construct's ends, and so do features, which
    otherwise are on along the whole chain.

    Null: given the construct, label and feature are independent; the larger p-value must hold.
    """
    families = draw_families(rng, unequal_sizes(rng, n_families))
    sketch = Sketch(rng, families)
    begin, end = family_windows(rng, families.ancestor, (0.3, 0.7))
    everywhere = on_all(families)
    known = spread(rng, families, everywhere, begin, end)
    edges = known & ~spread(rng, families, everywhere, begin + 12, end - 12)
    labels = []
    for _ in range(2):
        label = alternating(rng, families, everywhere, (5, 18), (8, 30), missing=0.0) & ~edges
        labels.append(label)
        sketch.detector(sketch.concept(label, known), label)
    for size, gap in (((5, 18), (8, 30)), ((10, 40), (10, 40)), ((1, 3), (6, 12))):
        mask = alternating(rng, families, everywhere, size, gap) & ~edges
        sketch.null(detected(rng, families, mask), [0, 1])
    mask = scattered(rng, ~edges, 0.1)
    sketch.null(detected(rng, families, mask), [0, 1])
    compare(sketch, labels)
    return sketch.world()


def length_goes_with_both(rng: np.random.Generator, n_families: int) -> World:
    """Long proteins have labels and features more often: windows, whole proteins, first residues.

    Null: given its length, which families have a feature is independent of the labels; the
    position-keeping test must pass, and for windows the rotation, too.
    """
    families = draw_families(rng, unequal_sizes(rng, n_families))
    sketch = Sketch(rng, families)

    def long_ones() -> np.ndarray:
        odds = (families.ancestor / MEDIAN) ** 1.5
        chosen: np.ndarray = rng.random(families.n_families) < odds / (1 + odds)
        return chosen

    def masks() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return (
            windows(rng, families, long_ones(), (8, 40)),
            long_ones()[families.family[families.protein]],
            from_terminus(rng, families, long_ones(), (0, 3), (18, 27)),
        )

    labels = masks()
    for label in labels:
        sketch.detector(sketch.concept(label), label)
    for _ in range(2):
        for concept, mask in enumerate(masks()):
            values = detected(rng, families, mask)
            sketch.null(values, [concept], rotation=concept == 0, position=True)
    compare(sketch, list(labels))
    return sketch.world()


def equals(rng: np.random.Generator, n_families: int) -> World:
    """Five features and a baseline detect each concept equally well, each with errors of its own.

    What must hold: none is truly above, so that no verdict may say so, however few clusters have
    the concept (about 12, 25 and 35 of them on test).
    """
    families = draw_families(rng, unequal_sizes(rng, n_families))
    sketch = Sketch(rng, families)
    for share, hit, false in ((0.25, 0.85, 0.001), (0.5, 0.5, 0.002), (0.7, 0.97, 0.0002)):
        label = windows(rng, families, annotated(rng, families, share), (8, 40))
        concept = sketch.concept(label)
        for _ in range(5):
            sketch.detector(concept, label, hit=hit, alike=4, false=false)
        sketch.baseline(detected(rng, families, label, hit, 4, false))
    return sketch.world()


def hidden_relatives(rng: np.random.Generator, n_families: int) -> World:
    """Half of the clusters have remote relatives in one to three others that no search finds.

    Null: as with unequal families; but places are shared between clusters, too, which nothing in
    the data shows. A limit of every test that takes clusters for independent: it is measured, and
    nothing is demanded.
    """
    alike = np.arange(n_families)
    shared = rng.random(n_families) < 0.5
    alike[shared] = rng.integers(0, max(1, n_families // 6), int(shared.sum()))
    families = draw_families(rng, unequal_sizes(rng, n_families), alike=alike)
    sketch = Sketch(rng, families)
    labels = []
    for _ in range(2):
        has = annotated(rng, families, 0.5)[alike]
        labels.append(windows(rng, families, has, (8, 40), group=alike))
        concept = sketch.concept(labels[-1])
        sketch.detector(concept, labels[-1])
        for size in ((8, 40), (20, 80)):
            mask = windows(rng, families, has, size, group=alike)
            sketch.null(detected(rng, families, mask), [concept], rotation=True)
            others = annotated(rng, families, 0.5)[alike]
            mask = windows(rng, families, others, size, group=alike)
            sketch.null(detected(rng, families, mask), [concept], rotation=True, position=True)
    compare(sketch, labels)
    return sketch.world()
