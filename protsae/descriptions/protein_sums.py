"""Features and their rules, summed over the residues of each protein of test."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from protsae.association.scoring.metrics import ratio
from protsae.descriptions.sparse_columns import ones_in, sparse_columns
from protsae.statistics import ragged


@dataclass(frozen=True, eq=False)
class ScoredProteins:
    """Proteins of test, one after another, as rules are scored on them.

    Attributes
    ----------
    lengths : ndarray of int, shape (n_proteins,)
    cluster : ndarray of int, shape (n_proteins,)
        Homology cluster, from 0.
    alike : ndarray of int, shape (n_proteins, n)
        The proteins of other clusters with the most similar composition (`alike_in_composition`).
    """

    lengths: np.ndarray
    cluster: np.ndarray
    alike: np.ndarray

    @property
    def of_residues(self) -> sparse.csr_array:
        """Sums over the residues of each protein: shape (n_proteins, n_residues)."""
        first = np.append(ragged.starts(self.lengths), self.lengths.sum())
        n_residues = int(first[-1])
        members = np.ones(n_residues), np.arange(n_residues), first
        return sparse.csr_array(members, shape=(len(self.lengths), n_residues))

    @property
    def of_clusters(self) -> sparse.csr_array:
        """Means over the proteins of each homology cluster: shape (n_clusters, n_proteins)."""
        place = self.cluster, np.arange(len(self.cluster))
        return sparse.csr_array((1 / np.bincount(self.cluster)[self.cluster], place))

    @property
    def of_alike(self) -> sparse.csr_array:
        """Sums over the proteins alike in composition: shape (n_proteins, n_proteins)."""
        n_proteins, n = self.alike.shape
        place = np.repeat(np.arange(n_proteins), n), self.alike.ravel()
        return sparse.csr_array((np.ones(n_proteins * n), place), shape=(n_proteins, n_proteins))


@dataclass(frozen=True, eq=False)
class Predictions:
    """Where rules hold on test, one for each feature.

    Attributes
    ----------
    rows : sequence of ndarray of int
        Residues at which the rule of each feature holds, ascending; none for features without one.
    known : sequence of (ndarray of bool, shape (n_residues,)) or None
        Where the labels that each rule names are known; None: everywhere.
    same : ndarray of int, shape (n_features,)
        Features that have the same rule, itself among them; 0 for those without a rule.
    """

    rows: Sequence[np.ndarray]
    known: Sequence[np.ndarray | None]
    same: np.ndarray

    @property
    def n_others(self) -> np.ndarray:
        """Features with another rule."""
        found: np.ndarray = np.count_nonzero(self.same) - self.same
        return found


@dataclass(frozen=True, eq=False)
class ProteinSums:
    """Of features and their rules, over the known residues of proteins: (n_proteins, n_features).

    Attributes
    ----------
    n_known, n_silent : residues, and those at which the feature is silent
    activation, squares : of the activation
    activation_held, activation_dealt : the activation where the rule holds, and times the share
        of the dealt rules that hold
    held, silent_held, silent_dealt : residues at which the rule holds, silent ones, and the sum of
        that share over silent ones
    """

    n_known: np.ndarray
    n_silent: np.ndarray
    activation: np.ndarray
    squares: np.ndarray
    activation_held: np.ndarray
    activation_dealt: np.ndarray
    held: np.ndarray
    silent_held: np.ndarray
    silent_dealt: np.ndarray

    @property
    def negatives(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Silent residues: all, where the rule holds, and by the share of dealt rules."""
        return self.n_silent, self.silent_held, self.silent_dealt


def protein_sums(
    proteins: ScoredProteins, activations: sparse.csc_array, predicted: Predictions
) -> ProteinSums:
    members, n_residues = proteins.of_residues, activations.shape[0]
    total = np.bincount(np.concatenate(predicted.rows), minlength=n_residues).astype(np.float64)
    n_features = activations.shape[1]
    n_known = np.repeat(proteins.lengths[:, None], n_features, axis=1)
    n_dealt = np.repeat((members @ total)[:, None], n_features, axis=1)
    rows, active, values = list(predicted.rows), [], []
    for feature, known in enumerate(predicted.known):
        column = slice(*activations.indptr[feature : feature + 2])
        own, value = activations.indices[column], activations.data[column].astype(np.float64)
        if known is not None:
            own, value = own[known[own]], value[known[own]]
            rows[feature] = rows[feature][known[rows[feature]]]
            n_known[:, feature] = members @ known.astype(np.float64)
            n_dealt[:, feature] = members @ (total * known)
        active.append(own)
        values.append(value)
    activation = sparse_columns(active, values, n_residues)
    is_active = ones_in(active, n_residues)
    holds = ones_in(rows, n_residues)
    activation_held, active_held = activation * holds, is_active * holds
    of_total = sparse.diags_array(total)
    same, n_others = predicted.same, predicted.n_others
    held, held_active = _dense(members @ holds), _dense(members @ active_held)
    sums_held = _dense(members @ activation_held)
    dealt = _dense(members @ (of_total @ activation)) - same * sums_held
    dealt_active = _dense(members @ (of_total @ is_active)) - same * held_active
    sums, silent = _dense(members @ activation), n_known - _dense(members @ is_active)
    return ProteinSums(
        n_known=n_known,
        n_silent=silent,
        activation=sums,
        squares=_dense(members @ activation.power(2)),
        activation_held=sums_held,
        # Without a rule that differs: chance.
        activation_dealt=np.where(n_others > 0, ratio(dealt, n_others), sums / 2),
        held=held,
        silent_held=held - held_active,
        silent_dealt=np.where(
            n_others > 0, ratio(n_dealt - same * held - dealt_active, n_others), silent / 2
        ),
    )


def _dense(sums: sparse.csr_array) -> np.ndarray:
    found: np.ndarray = sums.toarray()
    return found
