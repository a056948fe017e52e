"""A world with the kinds of annotation that real proteins have, side by side."""

import numpy as np

from benchmarks.worlds.by_rule import share_near
from benchmarks.worlds.families import AMINO_ACIDS, draw_families, unequal_sizes
from benchmarks.worlds.marks import (
    alternating,
    annotated,
    from_terminus,
    known_within,
    on_all,
    scattered,
    some_families,
    windows,
)
from benchmarks.worlds.world import Sketch, World, detected

SMALL_HYDROPHOBIC = "AILVF"


def as_annotated(rng: np.random.Generator, n_families: int) -> World:
    """Signal peptides, spans of membranes, helices of known structures, sites on cysteine, domains.

    Signal peptides are hydrophobic and begin at residue 1; spans are hydrophobic, one to seven in
    a quarter of the families; helices cover 35 % and are known in a part of 20 % of the proteins;
    sites are one to three cysteines; domains cover a third of the chain.

    Null: features of windows and helices anywhere must pass both tests; one that is on at the
    first 22 residues of most proteins must pass the position-keeping test for signal peptides and
    both for all else. A hydrophobic stretch is a baseline: it has a lower F1 than a detector, and
    no feature that follows it may stand above.
    """
    families = draw_families(rng, unequal_sizes(rng, n_families))
    letters = families.letters(rng)
    has = [annotated(rng, families, share) for share in (0.35, 0.3, 0.5, 0.4)]
    signal = from_terminus(rng, families, has[0], (0, 1), (18, 28))
    spans = alternating(rng, families, has[1], (19, 24), (12, 70), most=7)
    for mask in (signal, spans):
        rows = np.flatnonzero(scattered(rng, mask, 0.75))
        letters[rows] = [
            AMINO_ACIDS.index(a) for a in rng.choice(list(SMALL_HYDROPHOBIC), len(rows))
        ]
    helices = alternating(rng, families, on_all(families), (5, 18), (8, 30), missing=0.0)
    is_known = rng.random(families.n_proteins) < 0.2
    known = known_within(rng, families, 0.6) & is_known[families.protein]
    sites = scattered(rng, windows(rng, families, has[2], (1, 4)), 0.8)
    letters[sites] = AMINO_ACIDS.index("C")
    domains = windows(rng, families, has[3], (0.2, 0.5))

    sketch = Sketch(rng, families, letters)
    hydrophobic = share_near(families, letters, SMALL_HYDROPHOBIC, 7) >= 0.6
    rules = (hydrophobic & (families.place < 30), hydrophobic, None, None, None)
    labels = (signal, spans, helices, sites, domains)
    for label, rule in zip(labels, rules, strict=True):
        concept = sketch.concept(label, known if label is helices else None, rule)
        sketch.detector(concept, label)
    everything = list(range(len(labels)))
    for mask in (
        windows(rng, families, some_families(rng, families, 0.5), (8, 40)),
        windows(rng, families, annotated(rng, families, 0.5), (0.2, 0.6)),
        alternating(rng, families, on_all(families), (4, 20), (8, 40)),
        scattered(rng, on_all(families)[families.family[families.protein]], 0.05),
    ):
        sketch.null(detected(rng, families, mask), everything, rotation=True, position=True)
    start = from_terminus(rng, families, some_families(rng, families, 0.8), (0, 2), (15, 28))
    feature = sketch.null(detected(rng, families, start), [0], position=True)
    sketch.claim(feature, everything[1:], rotation=True, position=True)
    sketch.feature(detected(rng, families, hydrophobic))
    for hit, label in ((0.4, signal), (0.4, spans), (0.4, helices), (0.85, sites), (0.4, domains)):
        sketch.baseline(detected(rng, families, label, hit=hit))
    sketch.baseline(detected(rng, families, hydrophobic, hit=0.95))
    return sketch.world()
