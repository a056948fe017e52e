"""What a change of one site's activations does to the predictions of a pass, exactly."""

from collections.abc import Sequence

import numpy as np
import torch

from protsae.interventions.model_pass import ModelPass

NEAR = 8
"""Residues on either side of a site that count as near it."""


@torch.no_grad()
def edited_logp(
    one: ModelPass, index: Sequence[int], delta_ED: np.ndarray, tokens_per_batch: int
) -> np.ndarray:
    """log p of a pass with one site changed, for each of some changes.

    Parameters
    ----------
    index : sequence of int
        The site of each change, among the residues that the pass predicts.
    delta_ED : ndarray, float32, shape (n_edits, d_model)
        What is added to its activations.
    tokens_per_batch : int
        Tokens that run together, at least one copy of the pass.

    Returns
    -------
    ndarray, float32, shape (n_edits, n_predicted, n_letters)
    """
    at = one.rows[torch.as_tensor(list(index), device=one.rows.device)]
    delta = torch.from_numpy(np.ascontiguousarray(delta_ED, np.float32)).to(one.x_ND.device)
    n_copies = max(1, tokens_per_batch // len(one.x_ND))
    found = []
    for rows, added in zip(at.split(n_copies), delta.split(n_copies), strict=True):
        x_END = one.x_ND.repeat(len(rows), 1, 1)
        x_END[torch.arange(len(rows)), rows] += added
        found.append(one.predict(x_END).cpu().numpy())
    return np.concatenate(found)


def kl_by_distance(
    clean_PA: np.ndarray, edited_EPA: np.ndarray, position_P: np.ndarray, index_E: np.ndarray
) -> np.ndarray:
    """KL(clean || edited) at the site, near it, and elsewhere, summed over residues, in nats.

    Parameters
    ----------
    clean_PA : ndarray, shape (n_predicted, n_letters)
        log p.
    edited_EPA : ndarray, shape (n_edits, n_predicted, n_letters)
    position_P : ndarray of int, shape (n_predicted,)
        Where the residues are in the protein.
    index_E : ndarray of int, shape (n_edits,)
        The site of each edit.

    Returns
    -------
    ndarray, float64, shape (n_edits, 3)

    Examples
    --------
    >>> half, other = np.log([0.5, 0.5]), np.log([0.25, 0.75])
    >>> clean, edited = np.stack([half] * 3), np.stack([other] * 3)[None]
    >>> kl_by_distance(clean, edited, np.array([0, 8, 17]), np.array([0])).round(4).tolist()
    [[0.1438, 0.1438, 0.1438]]
    """
    clean, edited = clean_PA.astype(np.float64), edited_EPA.astype(np.float64)
    # Rounding may make it negative by some 1e-8.
    kl_EP = (np.exp(clean) * (clean - edited)).sum(-1).clip(min=0)
    distance_EP = np.abs(position_P - position_P[index_E][:, None])
    is_site = np.arange(len(position_P)) == index_E[:, None]
    parts = (is_site, ~is_site & (distance_EP <= NEAR), distance_EP > NEAR)
    return np.stack([(kl_EP * part).sum(1) for part in parts], 1)
