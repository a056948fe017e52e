"""What activations are made of, features and errors of residues, and what an output owes to each.

x = b_dec + sum_f a_f W_dec[f] + e at every residue. A node is an active feature at a residue, or
the error e of a residue. With a gradient g its attribution is a_f (g . W_dec[f]), or g . e: to
first order what the output loses without it. Over all nodes they sum to g . (x - b_dec).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from protsae.interventions.activation_split import along_decoder, error_effects, error_part
from protsae.interventions.attribution.output_pass import OutputPass


@dataclass(frozen=True)
class Nodes:
    """Features and errors of the residues of a pass.

    Attributes
    ----------
    residue, feature : ndarray of int, shape (n_nodes,)
        Of each active feature: its residue in the pass, from 0, and its number; by residue.
    activation : ndarray, float64, shape (n_nodes,)
        Above 0.
    error_RD : ndarray, float64, shape (n_residues, d_model)
    decoder_FD : ndarray, float64, shape (n_features, d_model)
    """

    residue: np.ndarray
    feature: np.ndarray
    activation: np.ndarray
    error_RD: np.ndarray
    decoder_FD: np.ndarray

    @property
    def length(self) -> np.ndarray:
        """Activation times the norm of the decoder's row: how far a node moves x; (n_nodes,)."""
        norm_F = np.linalg.norm(self.decoder_FD, axis=1)
        found: np.ndarray = self.activation * norm_F[self.feature]
        return found

    def attributed(self, gradient_RD: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Attributions of the features and of the errors.

        Parameters
        ----------
        gradient_RD : ndarray, float64, shape (n_residues, d_model)

        Returns
        -------
        of_features : ndarray, float64, shape (n_nodes,)
        of_errors : ndarray, float64, shape (n_residues,)

        Examples
        --------
        >>> nodes = Nodes(*np.array([[0, 1], [1, 0]]), np.array([2.0, 5.0]),
        ...               np.array([[0.5, 0.0], [0.0, 0.0]]), np.array([[1.0, 0.0], [3.0, 4.0]]))
        >>> of_features, of_errors = nodes.attributed(np.array([[1.0, 1.0], [2.0, 0.0]]))
        >>> of_features.tolist(), of_errors.tolist()
        ([14.0, 10.0], [0.5, 0.0])
        """
        along = along_decoder(gradient_RD, self.decoder_FD)[self.residue, self.feature]
        return self.activation * along, error_effects(self.error_RD, gradient_RD)


def nodes_of(
    one: OutputPass,
    encode: Callable[[np.ndarray], np.ndarray],
    decoder_FD: np.ndarray,
    b_dec_D: np.ndarray,
) -> Nodes:
    """The nodes of a pass.

    Parameters
    ----------
    encode : function
        Activations (n, d_model) to features (n, n_features), none negative.
    """
    x_RD = one.x_ND[one.rows].cpu().numpy()
    codes_RF = encode(x_RD)
    residue, feature = np.nonzero(codes_RF)
    decoder = decoder_FD.astype(np.float64)
    codes = codes_RF.astype(np.float64)
    error_RD = error_part(x_RD.astype(np.float64), codes, decoder, b_dec_D)
    return Nodes(residue, feature, codes[residue, feature], error_RD, decoder)


@torch.no_grad()
def ablation_effects(
    one: OutputPass, residue: np.ndarray, part_ED: np.ndarray, tokens_per_batch: int
) -> np.ndarray:
    """What the output loses when a part of a residue's activations is taken away, one at a time.

    y(x) - y(x without the part), exactly: the model runs on from the place with everything else as
    it is.

    Parameters
    ----------
    residue : ndarray of int, shape (n,)
        In the pass, from 0.
    part_ED : ndarray, shape (n, d_model)
        Such as a_f W_dec[f].
    tokens_per_batch : int
        Tokens that run together, at least two copies of the pass: one of them is whole.

    Returns
    -------
    ndarray, float64, shape (n,)

    Examples
    --------
    >>> total = OutputPass(torch.ones(3, 2), torch.arange(1, 3), lambda x: x.sum((1, 2)) ** 2)
    >>> ablation_effects(total, np.array([0, 1]), np.array([[1.0, 0], [2, 2]]), 6).tolist()
    [11.0, 32.0]
    """
    rows = one.rows[torch.from_numpy(residue).to(one.rows.device)]
    part = torch.from_numpy(part_ED).to(one.x_ND)
    n_copies = max(1, tokens_per_batch // len(one.x_ND) - 1)
    found = [np.empty(0)]
    for of_rows, of_parts in zip(rows.split(n_copies), part.split(n_copies), strict=True):
        # The clean one is run among them: a product of fewer rows rounds otherwise.
        x_END = one.x_ND.repeat(len(of_rows) + 1, 1, 1)
        x_END[torch.arange(len(of_rows)), of_rows] -= of_parts
        values = one.value(x_END).double().cpu().numpy()
        found.append(values[-1] - values[:-1])
    return np.concatenate(found)
