"""The training curve of an SAE."""

from protsae.schema.table import Column, Table

TRAINING = Table(
    "training",
    3,
    "one row per logged step, measured on the batch of that step",
    ("step",),
    (
        Column("step", "integer", "≥ 1", "Number of optimiser steps taken, this one included."),
        Column(
            "loss",
            "number",
            "≥ 0",
            "Training objective per residue, without the AuxK term for dead features.",
        ),
        Column(
            "mse",
            "number",
            "≥ 0",
            "Squared reconstruction error ‖x - x̂‖² per residue, scaled so that E‖x‖² = d_model.",
        ),
        Column(
            "penalty",
            "number",
            "≥ 0",
            "L1 or L0 penalty per residue before weighting. 0 for architectures without a penalty.",
        ),
        Column(
            "kl",
            "number",
            "≥ 0",
            "KL divergence between the model's predictions without and with the SAE, in nats per "
            "residue. Empty unless the SAE is trained end to end.",
            True,
        ),
        Column("fvu", "number", "≥ 0", "Fraction of the batch's variance left unexplained."),
        Column("l0", "number", "≥ 0", "Mean number of active features per residue."),
        Column(
            "dead_fraction",
            "number",
            "0 to 1",
            "Share of the features that have not been active for the last `dead_after` residues.",
        ),
        Column("lr", "number", "≥ 0", "Learning rate of the step."),
    ),
)
