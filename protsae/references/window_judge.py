"""A concept told from windows of the sequence, in sequences that no run and no model has seen."""

from dataclasses import dataclass

import numpy as np

from protsae.references.blosum_windows import blosum_windows
from protsae.references.linear_probe import LinearProbe, fit_probes
from protsae.references.probe_scores import LogitCounts
from protsae.references.residue_data import Residues

UNUSUAL = 0.95
"""Share of proteins of valid that a sequence must exceed to count as having the concept."""


@dataclass(frozen=True, eq=False)
class WindowJudge:
    """A logistic regression on BLOSUM62 scores around a residue, for one concept.

    Attributes
    ----------
    concept : str
    probe : LinearProbe
        Fitted to residues of train.
    threshold : float
        Of the logit; like the penalty that of the highest F1 on valid.
    valid_f1 : float
        That F1.
    flank : int
        Residues on each side that the probe sees.
    valid_on : tuple of ndarray
        Of each protein of valid where the probe is on: bool, shape (n_residues,).
    """

    concept: str
    probe: LinearProbe
    threshold: float
    valid_f1: float
    flank: int
    valid_on: tuple[np.ndarray, ...]

    def is_on(self, sequence: str) -> np.ndarray:
        """Where the probe is on in a sequence: bool, shape (n_residues,)."""
        logits = self.probe.logits(blosum_windows([sequence], self.flank))
        on: np.ndarray = logits[:, 0] >= self.threshold
        return on

    def share(self, sequence: str) -> float:
        """Share of residues at which the probe is on."""
        return float(self.is_on(sequence).mean())

    def usual(self, length: int) -> float:
        """Share that `UNUSUAL` of the proteins of valid do not exceed, in their first residues.

        The lowest such share that one of them has. Proteins are cut to ``length``, as a short
        sequence has a large share of a signal peptide more easily than a long one.
        """
        shares = [on[:length].mean() for on in self.valid_on]
        return float(np.quantile(shares, UNUSUAL, method="inverted_cdf"))

    def holds(self, sequence: str) -> bool:
        """Whether the probe is on at more of a sequence than in nearly all proteins of valid."""
        return self.share(sequence) > self.usual(len(sequence))


def fit_window_judge(residues: Residues, column: int, flank: int) -> WindowJudge:
    """Fit the window probe of one concept.

    Parameters
    ----------
    residues : Residues
        Of the run, read as BLOSUM62 windows of this ``flank``.
    column : int
        Of the concept among those of ``residues``.
    """
    x_ND, labels, known, _ = residues.train_sample()
    settings = residues.settings
    probes = fit_probes(x_ND, labels[:, [column]], known[:, [column]], settings.penalties)
    counts = [LogitCounts(probe.low, probe.high) for probe in probes]
    for block in residues.blocks(None, "valid"):
        own = block.labels[:, [column]], block.known[:, [column]]
        for probe, counted in zip(probes, counts, strict=True):
            counted.update(probe.logits(block.rows), *own)
    found = [tuple(float(one[0]) for one in counted.best_threshold()) for counted in counts]
    best = int(np.argmax([f1 for f1, _ in found]))
    f1, threshold = found[best]
    name = residues.concepts.concepts[column].name
    judge = WindowJudge(name, probes[best], threshold, f1, flank, ())
    proteins = residues.proteins
    valid = proteins.loc[proteins["split"] == "valid", "sequence"]
    on = tuple(judge.is_on(sequence) for sequence in valid)
    return WindowJudge(name, probes[best], threshold, f1, flank, on)
