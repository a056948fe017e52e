"""Edits opened on a run: its model, the SAEs, the activations and residues that they mean."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from protsae.errors import UserError
from protsae.inspection.feature_name import FeatureName
from protsae.interventions.intervention import Directions, Intervention
from protsae.interventions.intervention_text import WrittenEdit
from protsae.io.hdf5.code_cache import StoredCodes
from protsae.io.hdf5.shard_index import CacheSource
from protsae.one_line import cut
from protsae.plm.esm2.forward import FusedEsm2
from protsae.plm.esm2.places import Place
from protsae.sae.autoencoder import Sae


@dataclass(frozen=True)
class OpenedSae:
    """An SAE of a run that an edit acts through.

    Attributes
    ----------
    sae : Sae
    codes : StoredCodes
        Its activations in the proteins of the run.
    source : CacheSource
        Of the activations that it encodes.
    sha256 : str
    """

    sae: Sae
    codes: StoredCodes
    source: CacheSource
    sha256: str


@dataclass(frozen=True)
class OpenedEdit:
    """An edit that waits for proteins.

    Attributes
    ----------
    written : WrittenEdit
    names : tuple of FeatureName
        None if it is along coordinates or a direction.
    place : int or Inside
    directions : Directions
    amounts : tuple of float
    """

    written: WrittenEdit
    names: tuple[FeatureName, ...]
    place: Place
    directions: Directions
    amounts: tuple[float, ...]

    def at(self, is_edited: np.ndarray | None) -> Intervention:
        """The intervention in one protein, at some residues: bool, shape (n_residues,)."""
        rows: list[Tensor] | None = None if is_edited is None else [torch.from_numpy(is_edited)]
        written = self.written
        return Intervention(
            *(self.place, self.directions, written.action, self.amounts, rows),
            where_active=written.where_active,
        )


Labels = Callable[[str, str, str, str], np.ndarray]
"""Of concept, protein, sequence, and what a message starts with: bool, shape (n_residues,)."""


@dataclass(frozen=True)
class OpenedEdits:
    """A model, and the edits that are made in it.

    Attributes
    ----------
    results : Path
        Folder of the run.
    sequences : mapping of str to str
        Of its proteins, by accession.
    labels : function
        Residues of a protein of the run that have a concept; raises UserError for others.
    esm2 : FusedEsm2
        In float32.
    edits : tuple of OpenedEdit
    saes : mapping of (model, layer, variant) to OpenedSae
    context, overlap, tokens_per_batch : int
        Windows as those of the run's activations.
    made_from : mapping
        For the metadata of a table.
    """

    results: Path
    sequences: Mapping[str, str]
    labels: Labels
    esm2: FusedEsm2
    edits: tuple[OpenedEdit, ...]
    saes: Mapping[tuple[str, int, str], OpenedSae]
    context: int
    overlap: int
    tokens_per_batch: int
    made_from: Mapping[str, Any]

    @property
    def is_last_layer(self) -> bool:
        """Whether all edits are after the last layer."""
        return all(edit.place == self.esm2.n_layers for edit in self.edits)

    def interventions(self, name: str, sequence: str) -> list[Intervention]:
        """The edits in one protein, in the order in which they were given.

        Raises
        ------
        UserError
            If one names residues that the protein does not have, or a concept that the run does
            not have there.
        """
        return [one.at(self._residues(one.written, name, sequence)) for one in self.edits]

    def _residues(self, edit: WrittenEdit, name: str, sequence: str) -> np.ndarray | None:
        where = f"--edit {cut(edit.text, 80)}"
        if edit.concept is not None:
            return self.labels(edit.concept, name, sequence, where)
        if edit.intervals is None:
            return None
        return chosen_residues(edit.intervals, len(sequence), where, name)


def chosen_residues(
    intervals: Sequence[tuple[int, int]], length: int, where: str, name: str
) -> np.ndarray:
    """Residues in some intervals: bool, shape (length,).

    Raises
    ------
    UserError
        If one ends beyond the protein; the message starts with ``where``.

    Examples
    --------
    >>> chosen_residues([(2, 3), (5, 5)], 5, "--keep", "P1").tolist()
    [False, True, True, False, True]
    """
    chosen = np.zeros(length, dtype=bool)
    for first, last in intervals:
        if last > length:
            raise UserError(
                f"{where}: residue {last} is beyond the {length:,} residues of {cut(name, 60)}; "
                f"expected 1 to {length}"
            )
        chosen[first - 1 : last] = True
    return chosen
