"""Supervised linear probes: logistic regressions for all concepts at once, and their control."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.optimize import minimize

from protsae.references.loss_curvature import Curvature, spread_at

CHUNK_ROWS = 256
"""Residues whose logits are held at a time: they stay in the processor's cache."""

TOLERANCE = 3e-5
"""Relative fall of the summed loss below which an iteration was the last.

On layer 3 of the default run, losses then lie at most 0.0004 of the entropy of the labels above
their minima, 0.00002 in the mean; those of BLOSUM62 windows at most 0.002.
"""

THINNED = 4
"""The search begins on every so many rows: only its start is wanted."""

MAX_ITERATIONS = 200


@dataclass(frozen=True, eq=False)
class LinearProbe:
    """Logits x W + b of every concept.

    Attributes
    ----------
    weights : ndarray, dtype=float64, shape=(d, n_concepts)
        For rows in their own units.
    bias : ndarray, dtype=float64, shape=(n_concepts,)
    penalty : ndarray, dtype=float64, shape=(n_concepts,)
        The penalty each concept's weights were fitted with.
    low, high : ndarray, dtype=float64, shape=(n_concepts,)
        Smallest and largest logit on the rows fitted.
    """

    weights: np.ndarray
    bias: np.ndarray
    penalty: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def logits(self, rows: np.ndarray) -> np.ndarray:
        """Logits of rows (n, d): float64, shape (n, n_concepts)."""
        logits: np.ndarray = rows @ self.weights
        logits += self.bias
        return logits


def fit_probes(
    x: np.ndarray, labels: np.ndarray, known: np.ndarray | None, penalties: Sequence[float]
) -> list[LinearProbe]:
    """L2 logistic regression of every concept on the same rows, once for each penalty.

    With z the columns of x at mean 0 and variance 1 (constant ones at 0), w and b of a concept
    minimise

        mean over known rows of log(1 + exp(m)) - y m  +  penalty / 2 |w|^2,   m = z w + b,

    which is scikit-learn's LogisticRegression with C = 1 / (n_known penalty). The concepts share
    nothing but the passes over x: L-BFGS-B minimises the sum of their losses, each over the entropy
    of its labels. Its variables are the weights on the principal axes of z, transformed so that the
    Hessian where the search starts becomes about the identity (`Curvature`). It starts at the
    solution for the next stronger penalty, and for the strongest at that on a part of the rows.
    Only the path depends on these: losses and gradients are exact. All in float64: in float32, sums
    round otherwise with other threads or instructions, the search then stops elsewhere, and F1 on
    test moves by up to 0.08.

    Parameters
    ----------
    x : ndarray, float32, shape (n_rows, d)
    labels : ndarray of bool, shape (n_rows, n_concepts)
    known : ndarray of bool, shape (n_rows, n_concepts), optional
        Rows that count for a concept; None: all.
    penalties : sequence of float
        Above 0.

    Returns
    -------
    list of LinearProbe
        In the order of ``penalties``. A concept that no or every known row has gets weights of 0.

    Examples
    --------
    >>> x = np.array([[0.0], [1], [2], [3]], np.float32)
    >>> labels = np.array([[0], [1], [0], [1]], bool)
    >>> probe, _ = fit_probes(x, labels, None, [0.1, 10])
    >>> np.round(probe.logits(x)[:, 0].astype(float), 2).tolist()
    [-0.89, -0.3, 0.3, 0.89]
    """
    problem = _Problem.build(x, labels, known)
    found: dict[float, np.ndarray] = {}
    start = problem.thinned().minimise(max(penalties), problem.start)
    for penalty in sorted(set(penalties), reverse=True):  # each starts where the stronger ended
        found[penalty] = start = problem.minimise(penalty, start)
    return [problem.probe(found[penalty], penalty) for penalty in penalties]


@dataclass(frozen=True, eq=False)
class _Problem:
    """Rows on principal axes with a last column of ones, and what the labels contribute."""

    mean: np.ndarray  # (d,)
    to_axes: np.ndarray  # (d, d), from centred x to principal axes of variance-1 columns
    rows: np.ndarray  # float64, (n_rows, d + 1)
    eigenvalues: np.ndarray  # (d + 1,)
    positive: np.ndarray  # bool, (n_rows, n_concepts): known to have the label
    known: np.ndarray | None  # bool, (n_rows, n_concepts)

    @classmethod
    def build(cls, x: np.ndarray, labels: np.ndarray, known: np.ndarray | None) -> "_Problem":
        n_rows, d = x.shape
        if known is not None and known.all():
            known = None
        mean = x.mean(0, dtype=np.float64)
        deviation = np.sqrt(np.square(x - mean).mean(0, dtype=np.float64))
        scale = np.divide(1, deviation, out=np.zeros(d), where=deviation > 0)
        rows = np.ones((n_rows, d + 1))
        rows[:, :d] = (x - mean) * scale
        eigenvalues, axes = np.linalg.eigh(rows[:, :d].T @ rows[:, :d] / n_rows)
        rows[:, :d] = rows[:, :d] @ axes
        return cls(
            mean,
            scale[:, None] * axes,
            rows,
            np.append(np.maximum(eigenvalues, 0), 1.0),
            labels if known is None else labels & known,
            known,
        )

    def thinned(self) -> "_Problem":
        """The same on every `THINNED`-th row."""
        known = None if self.known is None else self.known[::THINNED]
        rows = np.ascontiguousarray(self.rows[::THINNED])
        return replace(self, rows=rows, positive=self.positive[::THINNED], known=known)

    @cached_property
    def n_known(self) -> np.ndarray:
        """Known rows of each concept, at least 1: float64, shape (n_concepts,)."""
        n_rows, n_concepts = self.positive.shape
        counted = np.full(n_concepts, n_rows) if self.known is None else self.known.sum(0)
        return np.maximum(counted, 1).astype(np.float64)

    @cached_property
    def rate(self) -> np.ndarray:
        """Share of the known rows that have each label, shape (n_concepts,)."""
        share: np.ndarray = self.positive.sum(0) / self.n_known
        return share

    @cached_property
    def moment(self) -> np.ndarray:
        """rows^T y / n_known, shape (d + 1, n_concepts)."""
        summed: np.ndarray = self.rows.T @ self.positive.astype(np.float64)
        return summed / self.n_known

    @property
    def varies(self) -> np.ndarray:
        """Concepts that some known rows have and others lack."""
        return (self.rate > 0) & (self.rate < 1)

    @property
    def start(self) -> np.ndarray:
        """No weights, and the bias that is best without: the log odds, half a row from 0 and 1."""
        weights = np.zeros((len(self.eigenvalues), len(self.rate)))
        rate = (self.rate * self.n_known + 0.5) / (self.n_known + 1)
        weights[-1] = np.log(rate / (1 - rate))
        return weights

    def minimise(self, penalty: float, start: np.ndarray) -> np.ndarray:
        """Weights on the principal axes and bias, shape (d + 1, n_concepts)."""
        chosen = np.flatnonzero(self.varies)
        if not len(chosen):
            return start
        rate, n_known, moment = self.rate[chosen], self.n_known[chosen], self.moment[:, chosen]
        entropy = -rate * np.log(rate) - (1 - rate) * np.log1p(-rate)
        ridge = np.full((len(self.eigenvalues), 1), penalty)
        ridge[-1] = 0  # the bias is free
        known = None if self.known is None else self.known[:, chosen]
        unknown = None if known is None else np.ascontiguousarray(~known.T)
        from_weights = start[:, chosen]
        spread = spread_at(self.rows, from_weights, known)
        unit = Curvature.at(self.rows, self.eigenvalues, spread, n_known, ridge)

        def weights_at(flat: np.ndarray) -> np.ndarray:
            return from_weights + unit.step(flat.reshape(from_weights.shape) * np.sqrt(entropy))

        def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
            weights = weights_at(flat)
            loss, gradient = _softplus_sums(self.rows, weights, unknown)
            loss = loss / n_known - (weights * moment).sum(0) + (ridge * weights**2).sum(0) / 2
            gradient = gradient / n_known - moment + ridge * weights
            return float((loss / entropy).sum()), (unit.slope(gradient) / np.sqrt(entropy)).ravel()

        found = minimize(
            objective,
            np.zeros(from_weights.size),
            jac=True,
            method="L-BFGS-B",
            options={"ftol": TOLERANCE, "gtol": 0, "maxiter": MAX_ITERATIONS},
        )
        weights = start.copy()
        weights[:, chosen] = weights_at(found.x)
        return weights

    def probe(self, weights: np.ndarray, penalty: float) -> LinearProbe:
        """Back to the units of x."""
        own = self.to_axes @ weights[:-1]
        low, high = np.full((2, len(self.rate)), np.nan)
        for first in range(0, len(self.rows), CHUNK_ROWS):
            logits = self.rows[first : first + CHUNK_ROWS] @ weights
            low, high = np.fmin(low, logits.min(0)), np.fmax(high, logits.max(0))
        return LinearProbe(
            own,
            weights[-1] - self.mean @ own,
            np.full(len(self.rate), penalty),
            low,
            high,
        )


def _softplus_sums(
    rows: np.ndarray, weights: np.ndarray, unknown: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Sum over known rows of log(1 + exp(m)), m = rows weights, and its gradient by weights.

    Parameters
    ----------
    unknown : ndarray of bool, shape (n_concepts, n_rows), optional
        None: all are known.

    Returns
    -------
    loss, gradient : ndarray, float64, shapes (n_concepts,) and (d, n_concepts)
    """
    n_concepts = weights.shape[1]
    loss = np.zeros(n_concepts)
    gradient = np.zeros((n_concepts, len(weights)))
    # A row per concept: with so few of them, products are a third faster than the other way round.
    half = weights.T / 2
    room = np.empty((2, n_concepts * min(CHUNK_ROWS, len(rows))))
    for first in range(0, len(rows), CHUNK_ROWS):
        part = rows[first : first + CHUNK_ROWS]
        m, scratch = room[:, : n_concepts * len(part)].reshape(2, n_concepts, len(part))
        np.matmul(half, part.T, out=m)  # half of it
        if unknown is not None:
            np.copyto(m, -np.inf, where=unknown[:, first : first + CHUNK_ROWS])  # adds 0 to both
        loss += 2 * np.maximum(m, 0, out=scratch).sum(1)
        # With t = tanh(m / 2): log(1 + exp(-|m|)) = -log((1 + |t|) / 2), of which the sum is one
        # logarithm of a product, at least 2^-256; 1 / (1 + exp(-m)) = (1 + t) / 2. Halved and
        # shifted before they are summed: most are near 0, and large sums would lose their digits.
        t = np.tanh(m, out=m)
        np.abs(t, out=scratch)
        scratch += 1
        scratch *= 0.5
        loss -= np.log(scratch.prod(1))
        t += 1
        gradient += t @ part
    return loss, gradient.T / 2


def control_types(sizes: np.ndarray, rates: np.ndarray, seed: int) -> np.ndarray:
    """Which types of residue carry each concept's control label.

    A control task (Hewitt & Liang 2019) gives every type a label at random, so that a probe can
    only be good at it by memorising types. Types are gone through in an order drawn for each
    concept, and one is taken if it brings the number of residues labelled nearer to the rate; at
    least one is.

    Parameters
    ----------
    sizes : ndarray of int, shape (n_types,)
        Residues of each type.
    rates : ndarray of float, shape (n_concepts,)
        Share of residues with the concept.

    Returns
    -------
    ndarray, dtype=bool, shape=(n_types, n_concepts)

    References
    ----------
    Hewitt & Liang 2019, arXiv:1909.03368, section 2.

    Examples
    --------
    >>> control_types(np.array([3, 2, 1]), np.array([0.5, 1 / 6]), seed=0).tolist()
    [[True, False], [False, False], [True, True]]
    """
    rng = np.random.default_rng(seed)
    chosen = np.zeros((len(sizes), len(rates)), dtype=bool)
    present = np.flatnonzero(sizes)
    for labelled, wanted in zip(chosen.T, rates * sizes.sum(), strict=True):
        total = 0
        for type_, size in zip(order := rng.permutation(present), sizes[order], strict=True):
            if abs(total + size - wanted) < abs(total - wanted):
                labelled[type_] = True
                total += size
        if not total:
            labelled[present[sizes[present].argmin()]] = True
    return chosen
