"""A few rows through an SAE, before it is relied on."""

import torch

from protsae.sae.architectures import TopkSae
from protsae.sae.autoencoder import Sae

N_ROWS = 64


@torch.no_grad()
def trial_problem(sae: Sae) -> str | None:
    """What is wrong with the features or the output of made-up rows; None if nothing is.

    Rows are drawn around b_dec, at several scales. TopK has k active features in each, or as many
    as have a pre-activation above 0 where these are fewer.
    """
    generator = torch.Generator().manual_seed(0)
    scale_N1 = torch.logspace(-1, 2, N_ROWS)[:, None]
    x_ND = sae.b_dec + scale_N1 * torch.randn(N_ROWS, sae.d_model, generator=generator)
    damaged = [name for name, value in sae.state_dict().items() if not value.isfinite().all()]
    if damaged:
        return f"{', '.join(damaged)} NaN or infinite once all is folded in"
    f_NF = sae.encode(x_ND)
    for name, values in (("features", f_NF), ("output", sae.decode(f_NF))):
        n_bad = int((~values.isfinite()).any(1).sum())
        if n_bad:
            return f"{name} NaN or infinite at {n_bad} of {N_ROWS} made-up residues"
    if isinstance(sae, TopkSae):
        pre_NF = (x_ND - sae.b_dec) @ sae.W_enc + sae.b_enc
        expected_N = (pre_NF > 0).sum(1).clamp_max(sae.k)
        found_N = torch.count_nonzero(f_NF, dim=1)
        n_bad = int((found_N != expected_N).sum())
        if n_bad:
            return f"not k = {sae.k} active features at {n_bad} of {N_ROWS} made-up residues"
    return None
