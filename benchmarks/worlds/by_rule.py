"""Worlds in which letters explain all that a feature knows of a label."""

import numpy as np

from benchmarks.worlds.families import AMINO_ACIDS, Families, draw_families, unequal_sizes
from benchmarks.worlds.marks import annotated, scattered
from benchmarks.worlds.relatives import compare
from benchmarks.worlds.world import Sketch, World, detected


def letters_only(rng: np.random.Generator, n_families: int) -> World:
    """Lysine; N in N-x-S/T; serine as the second residue: 40 to 70 % of them have a label.

    What must hold: features are on at most of the letters and know no more, so that the rule has
    a higher F1 and no verdict may put them above. p-values say nothing here: they ask about places,
    and letters are places.
    """
    families = draw_families(rng, unequal_sizes(rng, n_families))
    letters = families.letters(rng)
    sketch = Sketch(rng, families, letters)
    is_n, is_p, is_st = (
        np.isin(letters, [AMINO_ACIDS.index(a) for a in x]) for x in ("N", "P", "ST")
    )
    behind = families.from_end
    glycosylated = is_n & (behind >= 2)
    glycosylated[:-2] &= ~is_p[1:-1] & is_st[2:]
    second = (letters == AMINO_ACIDS.index("S")) & (families.place == 1)
    # Serine there is more common than elsewhere, as after a methionine that is cut off.
    starts = families.first[rng.random(families.n_proteins) < 0.3] + 1
    letters[starts] = AMINO_ACIDS.index("S")
    second[starts] = True
    rules = (letters == AMINO_ACIDS.index("K"), glycosylated, second)
    labels = []
    for rule, share in zip(rules, (0.4, 0.5, 0.7), strict=True):
        label = scattered(rng, rule, share)
        labels.append(label)
        sketch.detector(sketch.concept(label, rule=rule), label)
        for hit, false in ((0.95, 0.001), (0.8, 0.0005), (0.6, 0.0)):
            sketch.feature(detected(rng, families, rule, hit=hit, false=false))
    compare(sketch, labels)
    return sketch.world()


def composition(rng: np.random.Generator, n_families: int) -> World:
    """Stretches rich in D and E, or in small hydrophobic letters; labelled in half the families.

    What must hold: features follow the same composition and do not know the families, so that the
    rule has a higher F1 and no verdict may put them above.
    """
    families = draw_families(rng, unequal_sizes(rng, n_families))
    letters = families.letters(rng)
    sketch = Sketch(rng, families, letters)
    labels = []
    for kind, least in (("DE", 0.3), ("AILVF", 0.5)):
        rule = share_near(families, letters, kind, 7) >= least
        has = annotated(rng, families, 0.5)[families.family[families.protein]]
        label = rule & has
        labels.append(label)
        sketch.detector(sketch.concept(label, rule=rule), label)
        for width, hit in ((7, 0.9), (6, 0.9), (9, 0.8)):
            mask = share_near(families, letters, kind, width) >= least
            sketch.feature(detected(rng, families, mask, hit=hit))
    compare(sketch, labels)
    return sketch.world()


def share_near(families: Families, letters: np.ndarray, kind: str, width: int) -> np.ndarray:
    """Share of these letters within ``width`` residues on either side, within the protein."""
    before = np.append(0, np.cumsum(np.isin(letters, [AMINO_ACIDS.index(a) for a in kind])))
    row = np.arange(len(letters))
    low = row - np.minimum(families.place, width)
    high = row + np.minimum(families.from_end, width) + 1
    share: np.ndarray = (before[high] - before[low]) / (high - low)
    return share
