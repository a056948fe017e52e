"""Which features of an SAE the same training finds with another seed, beside what finds them, too.

What makes features of two SAEs alike need not be that both have learned the same. A dictionary of
random directions has detectors of whatever dominates the layer, such as residues and the first
principal components; and features that are active everywhere, or at the first residues of every
protein, agree by that alone. Both are measured by the same largest correlation:

- random: the other SAE's place is taken by as many random directions, of which each residue keeps
  as many as that SAE has active on average;
- exchanged: the codes of the other SAE, of another protein at the same relative place.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from scipy import sparse

from protsae.detectors.activations import Encode, Encoded, ReadBlocks
from protsae.detectors.baselines import largest
from protsae.detectors.best_matches import best_matches, exchanged_rows
from protsae.detectors.encoding import sparse_encoder
from protsae.sae.autoencoder import Sae
from protsae.sae.evaluation.decoder_similarity import nearest, random_directions

MOST_RESIDUES = 200_000
"""Residues that correlations are taken over, at most: memory, and more change nothing."""
BLOCK_ROWS = 16384
"""Residues encoded at a time."""
_DRAWN = 2**31
"""Added to the seed of an SAE for the random dictionary in its place, which is not as it began."""


@dataclass(frozen=True)
class Residues:
    """The residues that are encoded: whole proteins.

    Attributes
    ----------
    read : ReadBlocks
    proteins : DataFrame
        accession, length and cluster, in the order in which ``read`` gives them.
    """

    read: ReadBlocks
    proteins: pd.DataFrame

    def codes(self, encode: Encode, n_features: int) -> sparse.csr_array:
        """Of all of them, float32, shape (n_residues, n_features)."""
        accessions = self.proteins["accession"].tolist()
        blocks = list(Encoded(self.read, encode, n_features).blocks(set(accessions), BLOCK_ROWS))
        assert [name for names, _ in blocks for name in names] == accessions, "in another order"
        return sparse.csr_array(sparse.vstack([rows for _, rows in blocks]))


def drawn_residues(read: ReadBlocks, proteins: pd.DataFrame, seed: int) -> Residues:
    """All proteins, or, of many, some at random with ``MOST_RESIDUES`` residues or a few more."""
    shuffled = proteins.sample(frac=1, random_state=seed)
    enough = shuffled[shuffled["length"].cumsum().shift(fill_value=0) < MOST_RESIDUES]
    return Residues(read, proteins.loc[proteins.index.isin(enough.index)])


def match_seeds(sae: Sae, others: Mapping[int, Sae], residues: Residues) -> pd.DataFrame:
    """The best match of each feature in every other SAE, and in what takes that SAE's place.

    Parameters
    ----------
    others : mapping of int to Sae
        SAEs that differ in nothing but the seed, by their seeds.

    Returns
    -------
    DataFrame
        The columns of the stability table (docs/tables.md) but model, layer and variant.
    """
    own = residues.codes(sparse_encoder(sae), sae.n_features)
    share = variance_shares(sae, own, residues)
    lengths, clusters = residues.proteins["length"], residues.proteins["cluster"]
    exchanged = exchanged_rows(lengths.tolist(), clusters.tolist())
    n_clusters = active_clusters(own, lengths.to_numpy(), clusters.tolist())
    found = []
    for seed, other in others.items():
        codes = residues.codes(sparse_encoder(other), other.n_features)
        directions = random_directions(other.n_features, other.d_model, _DRAWN + seed)
        l0 = max(1, round(codes.nnz / codes.shape[0]))
        random = residues.codes(
            largest(_on(directions, other.b_dec), len(directions), l0), len(directions)
        )
        correlation, match = best_matches(own, codes)
        found.append(
            pd.DataFrame(
                {
                    "feature": np.arange(sae.n_features),
                    "seed": seed,
                    "active_clusters": n_clusters,
                    "variance_share": share,
                    "match": pd.array(match, dtype="Int64"),
                    "correlation": correlation,
                    "random_correlation": best_matches(own, random)[0],
                    "exchanged_correlation": best_matches(own, codes[exchanged])[0],
                    "cosine": _cosine(sae.W_dec, other.W_dec),
                    "random_cosine": _cosine(sae.W_dec, directions),
                }
            )
        )
    rows = pd.concat(found, ignore_index=True)
    return rows.assign(match=rows["match"].where(rows["match"] >= 0))


def variance_shares(sae: Sae, codes: sparse.csr_array, residues: Residues) -> np.ndarray:
    """Share of the variance of the layer activations that each feature accounts for.

    sum_n f_ni (w_i . (x_n - mean x)) / sum_n |x_n - mean x|^2, with w_i the decoder vector: parts
    of the covariance of x_hat and x. They add up to 1 - FVU where codes are the best for their
    decoder, and to a little more or less elsewhere. Shape (n_features,), float64.
    """
    accessions, first, n = set(residues.proteins["accession"]), 0, codes.shape[0]
    products, total, squares = np.zeros((sae.n_features, sae.d_model)), np.zeros(sae.d_model), 0.0
    for _, rows in residues.read(accessions, BLOCK_ROWS):
        exact = rows.astype(np.float64)
        of_rows = codes[first : first + len(rows)].astype(np.float64)
        products += of_rows.T @ exact
        total += exact.sum(0)
        squares += float((exact**2).sum())
        first += len(rows)
    mean = total / n
    products -= np.outer(np.asarray(codes.sum(0, dtype=np.float64)).ravel(), mean)
    decoder = sae.W_dec.detach().double().numpy()
    share: np.ndarray = (products * decoder).sum(1) / (squares - n * float(mean @ mean))
    return share


def active_clusters(
    codes: sparse.csr_array, lengths: np.ndarray, clusters: Sequence[str]
) -> np.ndarray:
    """In how many homology clusters each feature is active, shape (n_features,).

    Examples
    --------
    >>> codes = sparse.csr_array([[1.0, 0.0], [2.0, 0.0], [0.5, 3.0]])
    >>> active_clusters(codes, np.array([1, 1, 1]), ["A", "A", "B"]).tolist()
    [2, 1]
    """
    number = np.repeat(pd.factorize(np.asarray(clusters, dtype=object))[0], lengths)
    rows, features = codes.nonzero()
    pairs = np.unique(number[rows].astype(np.int64) * codes.shape[1] + features)
    found: np.ndarray = np.bincount(pairs % codes.shape[1], minlength=codes.shape[1])
    return found


def _cosine(directions_FD: torch.Tensor, others_GD: torch.Tensor) -> np.ndarray:
    found: np.ndarray = nearest(directions_FD.double(), others_GD.double())[0].detach().numpy()
    return found


def _on(
    directions_GD: torch.Tensor, centre_D: torch.Tensor
) -> Callable[[np.ndarray], torch.Tensor]:
    """Projections on directions; in float64, for the reason that `encoder` has."""
    onto_DG, centre = directions_GD.double().T.contiguous(), centre_D.detach().double()
    return lambda rows: (torch.from_numpy(rows).double() - centre) @ onto_DG
