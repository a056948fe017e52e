"""Sites that circuits are traced for: a residue of a protein, residues of a concept."""

from dataclasses import dataclass

import numpy as np
import torch

from protsae.errors import UserError
from protsae.interventions.circuits.esm_layers import esm_layered_pass
from protsae.interventions.circuits.layered_pass import LayeredPass
from protsae.interventions.edited_predictions import Pass
from protsae.one_line import cut
from protsae.plm.esm2.tokens import N_TOKENS, Window, tokenise, windows
from protsae.proteins.alphabet import STANDARD
from protsae.stages.tracing.opened_tracing import Tracing

LEAST_SITES = 4
"""Sites of a concept, each of another homology cluster: two halves of two."""


@dataclass(frozen=True)
class TracedSite:
    """A residue of a protein, and the output there.

    Attributes
    ----------
    name, sequence : str
    position : int
        From 1.
    to : str, optional
        The output is log p(to) - log p(residue) if it is given, else log p(residue).
    is_masked : bool
        Whether the residue is masked.
    """

    name: str
    sequence: str
    position: int
    to: str | None = None
    is_masked: bool = True

    def validate(self) -> None:
        """Raise UserError for a position or a letter that makes no sense."""
        if not 1 <= self.position <= len(self.sequence):
            raise UserError(
                f"--residue {self.position}: {cut(self.name, 60)} has {len(self.sequence):,} "
                f"residues; expected 1 to {len(self.sequence)}"
            )
        for letter, what in ((self.residue, f"--residue {self.position}"), (self.to, "--to")):
            if letter is not None and (len(letter) != 1 or letter not in STANDARD):
                raise UserError(
                    f"{what}: {cut(letter, 20)} is none of the 20 amino acids; expected one of "
                    f"{STANDARD}"
                )
        if self.to == self.residue:
            raise UserError(
                f"--to {self.to}: residue {self.position} of {cut(self.name, 60)} is {self.to} "
                "already; expected another letter"
            )

    @property
    def residue(self) -> str:
        """The letter that is there."""
        return self.sequence[self.position - 1]

    @property
    def output(self) -> str:
        """What is traced, in words.

        Examples
        --------
        >>> TracedSite("P1", "MKV", 2).output, TracedSite("P1", "MKV", 2, "W").output
        ('log p(K) at K2 of P1', 'log p(W) - log p(K) at K2 of P1')
        """
        of = f"log p({self.residue})"
        said = f"log p({self.to}) - {of}" if self.to else of
        return f"{said} at {self.residue}{self.position} of {self.name}"

    def window(self, tracing: Tracing) -> Window:
        """The piece of the protein that the model sees: the one that keeps the residue."""
        every = windows(0, len(self.sequence), tracing.context, tracing.overlap)
        at = self.position - 1
        return next(one for one in every if one.keep_start <= at < one.keep_stop)

    def open(self, tracing: Tracing) -> LayeredPass:
        """The pass of the model that predicts the residue."""
        window, tokens = self.window(tracing), tokenise(self.sequence)
        at = np.array([self.position - 1 - window.start])
        one = Pass(window, tokens[window.start : window.stop], at)
        letters = torch.zeros(N_TOKENS)
        letters[tokenise(self.residue)] = 1.0 if self.to is None else -1.0
        if self.to is not None:
            letters[tokenise(self.to)] = 1.0
        return esm_layered_pass(tracing.esm2, tracing.layers, one, letters, self.is_masked)


def concept_sites(
    tracing: Tracing, concept: str, most: int, seed: int, is_masked: bool = True
) -> tuple[list[TracedSite], list[TracedSite]]:
    """Residues of a concept in test proteins, one of a homology cluster, in two halves.

    Clusters, proteins and residues are drawn at random; residues other than the 20 amino acids are
    left out.

    Raises
    ------
    UserError
        If the run has no such concept, or fewer than `LEAST_SITES` clusters with it.
    """
    if most < LEAST_SITES:
        raise UserError(f"--sites {most}; expected {LEAST_SITES} or more")
    rng = np.random.default_rng(seed)
    test = tracing.run.study.of_split("test").reset_index(drop=True)
    order = rng.permutation(len(test))
    found: dict[str, TracedSite] = {}
    for row in test.iloc[order].itertuples():
        if row.cluster in found:
            continue
        sequence = str(row.sequence)
        has = tracing.run.labels(concept, str(row.accession), sequence, "--concept")
        at = [n for n in np.flatnonzero(has) if sequence[n] in STANDARD]
        if at:
            position = 1 + int(rng.choice(at))
            site = TracedSite(str(row.accession), sequence, position, None, is_masked)
            found[str(row.cluster)] = site
        if len(found) == most:
            break
    if len(found) < LEAST_SITES:
        raise UserError(
            f"--concept {cut(concept, 60)}: test proteins of {len(found)} homology clusters have "
            f"it; expected {LEAST_SITES} or more; take another concept, or a residue by itself"
        )
    sites = list(found.values())
    return sites[::2], sites[1::2]
