"""How well a dictionary recovers planted atoms: sparse codes whose truth is known."""

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor


def atom_cosines(atoms_AD: Tensor, decoder_FD: Tensor) -> Tensor:
    """cos(atom a, decoder row i), float32, shape (n_atoms, n_features).

    Decoder rows of length 0 give 0: they point nowhere.

    Examples
    --------
    >>> atom_cosines(torch.eye(2), torch.tensor([[3.0, 4.0], [0.0, 0.0], [0.0, -2.0]]))
    tensor([[ 0.6000,  0.0000,  0.0000],
            [ 0.8000,  0.0000, -1.0000]])
    """
    unit = torch.nn.functional.normalize
    return unit(atoms_AD, dim=1) @ unit(decoder_FD, dim=1).T


def mean_max_cosine(cosine_AF: Tensor) -> float:
    """Mean over atoms of the largest cosine with any feature (MMCS).

    Parameters
    ----------
    cosine_AF : Tensor
        From ``atom_cosines``.

    References
    ----------
    Sharkey et al. 2022, "Taking features out of superposition with sparse autoencoders".

    Examples
    --------
    >>> mean_max_cosine(torch.tensor([[0.5, 1.0, 0.0], [0.25, 0.0, -1.0]]))
    0.625
    """
    return float(cosine_AF.amax(1).mean())


def recovered_share(cosine_AF: Tensor, at_least: float) -> float:
    """Share of atoms with a feature at that cosine or above.

    Two atoms may share a feature; ``match_atoms`` gives each its own.

    Examples
    --------
    >>> recovered_share(torch.tensor([[0.5, 1.0, 0.0], [0.25, 0.0, -1.0]]), at_least=0.9)
    0.5
    """
    return float((cosine_AF.amax(1) >= at_least).float().mean())


def match_atoms(cosine_AF: Tensor) -> tuple[Tensor, Tensor]:
    """Pairs of atom and feature with the largest sum of cosines, each used once (Hungarian).

    Returns
    -------
    atoms, features : Tensor, int64, shape (min(n_atoms, n_features),)
        Numbers of the matched ones; atoms ascend.

    Examples
    --------
    >>> match_atoms(torch.tensor([[0.9, 0.8], [0.7, 0.0]]))  # 0.8 + 0.7 is more than 0.9 + 0.0
    (tensor([0, 1]), tensor([1, 0]))
    """
    atoms, features = linear_sum_assignment(cosine_AF.cpu().numpy(), maximize=True)
    return torch.from_numpy(atoms), torch.from_numpy(features)


def support_f1(present_NP: Tensor, active_NP: Tensor) -> float:
    """F1 of finding which atoms made each row: 2 TP / (2 TP + FP + FN), pooled over all entries.

    Parameters
    ----------
    present_NP : bool tensor, shape (n_rows, n_pairs)
        Which of the matched atoms made the row.
    active_NP : bool tensor, same shape
        Which of the features matched to them are active. Features without an atom do not count.

    Returns
    -------
    float
        0 if nothing is present and nothing active.

    Examples
    --------
    >>> present = torch.tensor([[True, True, False], [False, True, False]])
    >>> active = torch.tensor([[True, False, False], [True, True, False]])
    >>> round(support_f1(present, active), 4)  # TP 2, FP 1, FN 1
    0.6667
    """
    found = int((present_NP & active_NP).sum())
    either = int(present_NP.sum()) + int(active_NP.sum())
    return 2 * found / either if either else 0.0
