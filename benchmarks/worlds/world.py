"""A planted world: proteins, labels, detectors, and what is true of every pair of them."""

from dataclasses import dataclass

import numpy as np

from benchmarks.worlds.families import AMINO_ACIDS, Families

PARTS, PART_SHARES = ("train", "valid", "test"), (0.25, 0.2, 0.55)


@dataclass(frozen=True, eq=False)
class World:
    """Residues of all proteins, one protein after another, and the truth.

    Attributes
    ----------
    families : Families
    letters : ndarray of int8, shape (n_residues,)
        Numbers in ``AMINO_ACIDS``.
    activations : ndarray of float32, shape (n_residues, n_features)
    labels, known : ndarray of bool, shape (n_residues, n_concepts)
        No label where it is not known.
    detectors : ndarray of bool, shape (n_features, n_concepts)
        The feature detects the concept.
    null : ndarray of bool, shape (n_features, n_concepts)
        The larger of the two p-values must hold.
    rotation_null, position_null : ndarray of bool, shape (n_features, n_concepts)
        Of these pairs, where each p-value must hold by itself: the feature knows no more than which
        families, and in which phase; no more than how far from the ends.
    baselines : ndarray of float32, shape (n_residues, n_baselines)
        Detectors that cost nothing, as coordinates do.
    rules : ndarray of bool, shape (n_residues, n_concepts)
        A simple rule of place and letters for each concept; nowhere true where there is none.
    """

    families: Families
    letters: np.ndarray
    activations: np.ndarray
    labels: np.ndarray
    known: np.ndarray
    detectors: np.ndarray
    null: np.ndarray
    rotation_null: np.ndarray
    position_null: np.ndarray
    baselines: np.ndarray
    rules: np.ndarray

    @property
    def names(self) -> list[str]:
        """Of the proteins."""
        return [f"P{number:05d}" for number in range(self.families.n_proteins)]

    def by_protein(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Rows of each protein, under its name."""
        return dict(zip(self.names, np.split(rows, self.families.first[1:]), strict=True))

    def sequences(self) -> dict[str, str]:
        """Of each protein."""
        text = np.frombuffer(AMINO_ACIDS.encode(), np.uint8)[self.letters].tobytes().decode()
        first, lengths = self.families.first, self.families.lengths
        ends = zip(first.tolist(), (first + lengths).tolist(), strict=True)
        return {n: text[a:b] for n, (a, b) in zip(self.names, ends, strict=True)}

    def clusters(self) -> dict[str, str]:
        """The homology cluster of each protein."""
        return {n: f"C{f}" for n, f in zip(self.names, self.families.family.tolist(), strict=True)}

    def split(self, rng: np.random.Generator) -> dict[str, str]:
        """The part of each protein; whole clusters, in shares of ``PART_SHARES``."""
        counts = np.round(np.cumsum(PART_SHARES) * self.families.n_families).astype(int)
        part = np.repeat(PARTS, np.diff(counts, prepend=0))
        of_family = rng.permutation(part)[self.families.family]
        return dict(zip(self.names, of_family.tolist(), strict=True))

    def n_labelled(self) -> np.ndarray:
        """Clusters with each concept: shape (n_concepts,)."""
        family = self.families.family[self.families.protein]
        return np.array([len(np.unique(family[label])) for label in self.labels.T])


class Sketch:
    """A world in the making: concepts first, then features, each from a mask over all rows.

    Parameters
    ----------
    rng : Generator
    families : Families
    letters : ndarray of int8, optional
        Drawn if missing.
    """

    def __init__(
        self, rng: np.random.Generator, families: Families, letters: np.ndarray | None = None
    ):
        self.rng, self.families = rng, families
        self.letters = families.letters(rng) if letters is None else letters
        self._labels: list[np.ndarray] = []
        self._known: list[np.ndarray] = []
        self._rules: list[np.ndarray] = []
        self._features: list[np.ndarray] = []
        self._baselines: list[np.ndarray] = []
        self._truth: list[tuple[int, int, str]] = []

    def concept(
        self,
        label: np.ndarray,
        known: np.ndarray | None = None,
        rule: np.ndarray | None = None,
    ) -> int:
        """Add one; its number."""
        everywhere, nowhere = np.ones(len(label), dtype=bool), np.zeros(len(label), dtype=bool)
        self._known.append(everywhere if known is None else known)
        self._labels.append(label & self._known[-1])
        self._rules.append(nowhere if rule is None else rule)
        return len(self._labels) - 1

    def feature(self, values: np.ndarray) -> int:
        """Add one of which nothing is claimed; its number."""
        self._features.append(values)
        return len(self._features) - 1

    def null(
        self,
        values: np.ndarray,
        concepts: list[int],
        rotation: bool = False,
        position: bool = False,
    ) -> int:
        """Add a feature that must pass these nulls' tests for these concepts."""
        feature = self.feature(values)
        self.claim(feature, concepts, rotation, position)
        return feature

    def claim(
        self, feature: int, concepts: list[int], rotation: bool = False, position: bool = False
    ) -> None:
        """State that a feature must pass the tests of these nulls for these concepts."""
        names = {"null": True, "rotation_null": rotation, "position_null": position}
        for name in (name for name, is_claimed in names.items() if is_claimed):
            self._truth += [(feature, concept, name) for concept in concepts]

    def detector(self, concept: int, true_label: np.ndarray, **noise: float) -> int:
        """Add a feature that detects the concept, also where it is not known."""
        feature = self.feature(detected(self.rng, self.families, true_label, **noise))
        self._truth.append((feature, concept, "detectors"))
        return feature

    def baseline(self, values: np.ndarray) -> None:
        """Add a detector that costs nothing."""
        self._baselines.append(values)

    def world(self) -> World:
        """All of it."""
        shape = (len(self._features), len(self._labels))
        names = ("detectors", "null", "rotation_null", "position_null")
        truth = {name: np.zeros(shape, dtype=bool) for name in names}
        for feature, concept, name in self._truth:
            truth[name][feature, concept] = True
        nowhere = np.zeros((len(self.letters), 0), np.float32)
        return World(
            self.families,
            self.letters,
            np.stack(self._features, axis=1),
            np.stack(self._labels, axis=1),
            np.stack(self._known, axis=1),
            baselines=np.stack(self._baselines, axis=1) if self._baselines else nowhere,
            rules=np.stack(self._rules, axis=1),
            **truth,
        )


def detected(
    rng: np.random.Generator,
    families: Families,
    mask: np.ndarray,
    hit: float = 0.85,
    alike: float = 8.0,
    false: float = 0.001,
) -> np.ndarray:
    """Activations of a feature that is on where the mask is, with misses and false positives.

    Parameters
    ----------
    mask : ndarray of bool, shape (n_residues,)
    hit, alike : float
        A family's hit rate is Beta(hit * alike, (1 - hit) * alike): relatives are missed together.
    false : float
        Share of all residues on by accident, at half the strength.

    Returns
    -------
    ndarray of float32, shape (n_residues,)
    """
    rate = rng.beta(hit * alike, (1 - hit) * alike, families.n_families).astype(np.float32)
    rows = np.flatnonzero(mask)
    rows = rows[rng.random(len(rows), np.float32) < rate[families.family[families.protein[rows]]]]
    anywhere = rng.integers(0, len(mask), rng.binomial(len(mask), false))
    values = np.zeros(len(mask), np.float32)
    values[anywhere] = 0.5 * rng.gamma(4, 0.25, len(anywhere))
    values[rows] = rng.gamma(4, 0.25, len(rows))
    return values
