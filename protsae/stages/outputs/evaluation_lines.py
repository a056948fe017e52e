"""What is said of an evaluation."""

from collections.abc import Mapping
from typing import Any


def evaluation_line(scores: Mapping[str, Any]) -> str:
    """The scores of an SAE in a line; says why loss recovered is missing where a model was run.

    Examples
    --------
    >>> found = {"l0": 16.0, "fvu": 0.25, "dead_fraction": 0.125, "n_residues": 1401}
    >>> evaluation_line({**found, "loss_recovered": 0.5, "ce_clean": 2.5})
    'l0 16.000, fvu 0.250, dead_fraction 0.125 on 1,401 residues, loss_recovered 0.500'
    >>> evaluation_line({**found, "loss_recovered": None, "ce_clean": 2.5, "ce_mean_ablation": 2.5})
    'l0 16.000, fvu 0.250, dead_fraction 0.125 on 1,401 residues, loss_recovered - (mean ablation \
costs 2.500 nats, the model 2.500: no sure difference)'
    """
    loss = "-"
    if scores["loss_recovered"] is not None:
        loss = f"{scores['loss_recovered']:.3f}"
    elif scores["ce_clean"] is not None:
        loss = (
            f"- (mean ablation costs {scores['ce_mean_ablation']:.3f} nats, the model "
            f"{scores['ce_clean']:.3f}: no sure difference)"
        )
    dead = f"{scores['dead_fraction']:.3f} on {scores['n_residues']:,} residues"
    return (
        f"l0 {scores['l0']:.3f}, fvu {scores['fvu']:.3f}, dead_fraction {dead}, "
        f"loss_recovered {loss}"
    )
