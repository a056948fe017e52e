"""What small changes do to predictions: for all directions at once, from gradients at each site.

To second order, adding delta to the activations of a site changes the predictions of the pass by

    sum_k KL(p_k || p'_k) = 1/2 E[(delta . g)^2],  g = sum_k grad log p_k(a_k),  a_k drawn from p_k,

the Fisher information, over the residues k that the pass predicts; scores of different residues are
uncorrelated, so that one backward pass serves them all. The change of log p of the true residues is
delta . grad sum_k log p_k(true) to first order.
"""

from dataclasses import dataclass

import numpy as np
import torch

from protsae.interventions.model_pass import ModelPass


@dataclass(frozen=True)
class Gradients:
    """Gradients at the residues that a pass predicts, with respect to the activations there.

    Attributes
    ----------
    true : ndarray, float32, shape (n_predicted, d_model)
        Of sum_k log p_k(true residue).
    drawn : ndarray, float32, shape (n_predicted, n_draws, d_model)
        Of sum_k log p_k(a_k), a_k drawn anew for each.
    """

    true: np.ndarray
    drawn: np.ndarray


def pass_gradients(one: ModelPass, n_draws: int, seed: int) -> Gradients:
    """One forward pass from the place on, and ``1 + n_draws`` backward ones.

    Parameters
    ----------
    seed : int
        Of the letters that are drawn.
    """
    generator = torch.Generator().manual_seed(seed)
    x_1ND = one.x_ND[None].clone().requires_grad_()
    with torch.enable_grad():
        logp_NA = one.predict(x_1ND)[0]
        letters = [one.true]
        drawn = torch.multinomial(logp_NA.detach().exp().cpu(), n_draws, True, generator=generator)
        letters += list(drawn.T.to(one.true.device))
        sums = [logp_NA.gather(1, letter[:, None]).sum() for letter in letters]
        found = [torch.autograd.grad(total, x_1ND, retain_graph=True)[0] for total in sums]
    at_rows = np.stack([gradient[0, one.rows].cpu().numpy() for gradient in found], 1)
    return Gradients(at_rows[:, 0], at_rows[:, 1:])
