"""What is taken out of layer activations, arm by arm: features, coordinates, directions.

Activations of a protein are means over its residues. Every removal here is linear in x and f, so
that the mean of the edited residues is the edited mean.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from protsae.interventions.confounders.balanced_scores import balanced_weights, cells
from protsae.interventions.confounders.confounder_ranking import (
    alike_features,
    confounder_scores,
    ranked,
)
from protsae.interventions.confounders.erased_directions import (
    LinearReading,
    least_squares_erasure,
    mean_difference,
    probe_directions,
)

NONE, FEATURES, RANDOM = "none", "features", "features at random"
COORDINATES, DIFFERENCE = "coordinates", "mean difference"
DIRECTIONS, LEACE, REWEIGHTED = "probe directions", "LEACE", "reweighted"

REMOVALS = (FEATURES, RANDOM, COORDINATES, DIFFERENCE, DIRECTIONS, LEACE)
"""Arms that take something out."""


@dataclass(frozen=True, eq=False)
class Proteins:
    """Proteins with their activations, label and confounder.

    Attributes
    ----------
    x_ND : ndarray, float64, shape (n_proteins, d_model)
        Layer activations, mean over residues.
    f_NF : ndarray, shape (n_proteins, n_features)
        Activations of an SAE's features, mean over residues.
    label, confounder : ndarray of bool, shape (n_proteins,)
    """

    x_ND: np.ndarray
    f_NF: np.ndarray
    label: np.ndarray
    confounder: np.ndarray

    def of(self, chosen: np.ndarray) -> "Proteins":
        """Some of them."""
        arrays = (self.x_ND, self.f_NF, self.label, self.confounder)
        return Proteins(*(one[chosen] for one in arrays))

    @property
    def balanced(self) -> np.ndarray:
        """Weights with which all four cells count alike."""
        return balanced_weights(cells(self.label, self.confounder), np.ones(len(self.label)))


@dataclass(frozen=True, eq=False)
class Removal:
    """One thing that can be taken out: x' = x - r W.

    Attributes
    ----------
    arm : str
    n : int
        Features, coordinates or directions.
    write_KD : ndarray, float64, shape (n, d_model)
        W, the directions that are taken out.
    chosen : ndarray of int64
        Features or coordinates; empty for directions.
    reading : LinearReading, optional
        How r follows from x. None: r are the activations of the features ``chosen``.
    draw : int
        Of features at random; 0 otherwise.
    """

    arm: str
    n: int
    write_KD: np.ndarray
    chosen: np.ndarray
    reading: LinearReading | None = None
    draw: int = 0

    def apply(self, proteins: Proteins) -> np.ndarray:
        """Activations without it, float64, shape (n_proteins, d_model).

        Examples
        --------
        The ablation of feature 0, x' = x - f W; the error of the SAE stays:

        >>> yes = np.array([True])
        >>> one = Proteins(np.array([[3.0, 1]]), np.array([[2.0, 5]]), yes, yes)
        >>> Removal("features", 1, np.array([[1.0, 0]]), np.array([0])).apply(one).tolist()
        [[1.0, 1.0]]
        """
        if self.reading is None:
            read_NK = proteins.f_NF[:, self.chosen].astype(np.float64)
        else:
            read_NK = self.reading(proteins.x_ND)
        found: np.ndarray = proteins.x_ND - read_NK @ self.write_KD
        return found


def removals(
    train: Proteins,
    decoder_FD: np.ndarray,
    rate: np.ndarray,
    counts: Sequence[int],
    n_draws: int,
    penalty: float,
    seed: int,
) -> Iterator[Removal]:
    """All removals, chosen on train, in the order of `REMOVALS` and then of ``counts``.

    Features and coordinates are those with the highest `confounder_scores`. Beside features stand
    as many at random, each active about as often as one of them. Coordinates and directions are set
    to their mean on train, so that nothing is lost by a mean that is far from 0.

    Parameters
    ----------
    decoder_FD : ndarray, shape (n_features, d_model)
    rate : ndarray, shape (n_features,)
        How often each feature is active.
    counts : sequence of int
        Numbers to try; those above what there is are left out.
    n_draws : int
        Of features at random for each number.
    penalty : float
        Of the probes of `probe_directions`.
    """
    label, confounder, weight = train.label, train.confounder, train.balanced
    mean_D, write_FD = train.x_ND.mean(0), decoder_FD.astype(np.float64)
    nothing = np.zeros(0, dtype=np.int64)

    def along(arm: str, rows_KD: np.ndarray, chosen: np.ndarray = nothing) -> Removal:
        reading = LinearReading(mean_D, rows_KD.T)
        return Removal(arm, len(rows_KD), rows_KD, chosen, reading)

    features = ranked(confounder_scores(train.f_NF, label, confounder))
    for n in _up_to(counts, len(features)):
        yield Removal(FEATURES, n, write_FD[features[:n]], features[:n])
    for n in _up_to(counts, len(features)):
        for draw in range(n_draws):
            own = alike_features(rate, features[:n], np.random.default_rng((seed, n, draw)))
            yield Removal(RANDOM, n, write_FD[own], own, draw=draw)
    coordinates = ranked(confounder_scores(train.x_ND, label, confounder))
    for n in _up_to(counts, len(coordinates)):
        own = coordinates[:n]
        yield along(COORDINATES, np.eye(len(mean_D))[own], own)
    yield along(DIFFERENCE, mean_difference(train.x_ND, label, confounder))
    most = max(_up_to(counts, len(mean_D)), default=0)
    basis = probe_directions(train.x_ND, confounder, weight, most, penalty)
    for n in _up_to(counts, len(basis)):
        yield along(DIRECTIONS, basis[:n])
    reading, write_KD = least_squares_erasure(train.x_ND, confounder, weight)
    yield Removal(LEACE, 1, write_KD, nothing, reading)


def _up_to(counts: Sequence[int], most: int) -> list[int]:
    return [n for n in counts if n <= most]
