"""Worlds of few clusters, and of labels and features that cover whole proteins."""

import numpy as np

from benchmarks.worlds.families import draw_families, unequal_sizes
from benchmarks.worlds.marks import annotated, some_families, windows
from benchmarks.worlds.relatives import compare
from benchmarks.worlds.world import Sketch, World, detected


def rare(rng: np.random.Generator, n_families: int) -> World:
    """Concepts in 3 to 6 clusters.

    Null: features know these families, or others, but not the place; the rotation must pass, and
    for features of other families both tests. Too few for a verdict.
    """
    families = draw_families(rng, unequal_sizes(rng, n_families))
    sketch = Sketch(rng, families)
    labels = []
    for number in (3, 4, 5, 6):
        has = np.zeros(families.n_families, dtype=bool)
        # More of the large families, as they are studied more.
        weight = families.size / families.size.sum()
        has[rng.choice(families.n_families, number, replace=False, p=weight)] = True
        label = windows(rng, families, has, (5, 40))
        labels.append(label)
        concept = sketch.concept(label)
        sketch.detector(concept, label)
        for size in ((5, 40), (20, 80)):
            mask = windows(rng, families, has, size)
            sketch.null(detected(rng, families, mask), [concept], rotation=True)
        mask = windows(rng, families, some_families(rng, families, 0.4), (10, 60))
        sketch.null(detected(rng, families, mask), [concept], rotation=True, position=True)
    compare(sketch, labels)
    return sketch.world()


def whole_proteins(rng: np.random.Generator, n_families: int) -> World:
    """Labels and features of whole proteins, beside such of windows.

    Null: a feature of whole proteins in families of its own must pass the position-keeping test
    for whole-protein labels, both tests for windows; one in the families that have windows, the
    rotation. Windows in families of their own must pass the position-keeping test for whole-protein
    labels.
    """
    families = draw_families(rng, unequal_sizes(rng, n_families))
    sketch = Sketch(rng, families)
    has = annotated(rng, families, 0.4), annotated(rng, families, 0.5)
    labels = [has[0][families.family[families.protein]]]
    labels.append(windows(rng, families, has[1], (8, 60)))
    for label in labels:
        sketch.detector(sketch.concept(label), label)
    for share, hit in ((0.3, 0.85), (0.5, 0.5), (0.8, 0.2)):
        whole = annotated(rng, families, share)[families.family[families.protein]]
        feature = sketch.null(detected(rng, families, whole, hit), [0], position=True)
        sketch.claim(feature, [1], rotation=True, position=True)
    for hit in (0.85, 0.3):
        whole = has[1][families.family[families.protein]]
        sketch.null(detected(rng, families, whole, hit), [1], rotation=True)
    for size in ((8, 60), (0.4, 0.9)):
        mask = windows(rng, families, annotated(rng, families, 0.5), size)
        feature = sketch.null(detected(rng, families, mask), [0], position=True)
        sketch.claim(feature, [1], rotation=True, position=True)
    compare(sketch, labels)
    return sketch.world()
