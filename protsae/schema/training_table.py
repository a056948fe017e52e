"""The training curve of an SAE."""

from protsae.schema.table import Column, Table

TRAINING = Table(
    "training",
    3,
    "one row per logged step, on its own batch",
    ("step",),
    (
        Column("step", "integer", "≥ 1", "optimiser steps done"),
        Column("loss", "number", "≥ 0", "what is minimised, per residue, but AuxK"),
        Column("mse", "number", "≥ 0", "squared error per residue, at E‖x‖² = d_model"),
        Column("penalty", "number", "≥ 0", "L1 or L0 per residue, before its weight; or 0"),
        Column("kl", "number", "≥ 0", "KL of predictions, nats per residue; if end to end", True),
        Column("fvu", "number", "≥ 0", "fraction of variance unexplained"),
        Column("l0", "number", "≥ 0", "mean number of active features per residue"),
        Column("dead_fraction", "number", "0 to 1", "not active for dead_after residues"),
        Column("lr", "number", "≥ 0", "learning rate of the step"),
    ),
)
