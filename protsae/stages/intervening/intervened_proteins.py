"""What a model predicts in proteins with interventions, as a table by residue."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd

from protsae.errors import UserError
from protsae.interventions.edited_predictions import Predicted, changed_residues, predict
from protsae.plm.esm2.tokens import STANDARD_TOKENS
from protsae.proteins.alphabet import STANDARD
from protsae.schema.interventions.edited_predictions_table import EDITED
from protsae.schema.table import conform
from protsae.stages.explaining.given_proteins import given_proteins, named_sequences
from protsae.stages.intervening.opened_edits import OpenedEdits

_LETTERS = np.array(list(STANDARD), dtype=object)


class HasSequences(Protocol):
    """A run, or edits in it."""

    @property
    def results(self) -> Path:
        """Folder of the run."""

    @property
    def sequences(self) -> Mapping[str, str]:
        """Of its proteins, by accession."""


@dataclass(frozen=True)
class Intervened:
    """One protein with interventions.

    Attributes
    ----------
    name, sequence : str
    table : DataFrame
        Its rows of the table ``edited`` (docs/tables.md).
    change : ndarray
        Edited less clean probability of each of the 20 amino acids in alphabetical order of their
        letters, float64, shape (n_residues, 20).
    """

    name: str
    sequence: str
    table: pd.DataFrame
    change: np.ndarray


def intervened(opened: OpenedEdits, name: str, sequence: str, is_masked: bool = True) -> Intervened:
    """Predictions of one protein, which do not depend on the others.

    Raises
    ------
    UserError
        If an edit names residues that the protein does not have.
    """
    interventions = opened.interventions(name, sequence)
    sizes = opened.context, opened.overlap, opened.tokens_per_batch
    edited = changed_residues(opened.esm2, sequence, interventions, *sizes)
    [(_, found)] = predict(opened.esm2, [sequence], interventions, is_masked, *sizes)
    table = edited_rows(name, sequence, edited, found)
    clean, changed = _standard(found)
    return Intervened(name, sequence, table, changed - clean)


def intervene_sequences(
    opened: OpenedEdits, sequences: str | Mapping[str, str], is_masked: bool = True
) -> pd.DataFrame:
    """The table ``edited`` of a sequence, or of sequences by name.

    Raises
    ------
    UserError
        As `named_sequences` and `intervened`.
    """
    clean = named_sequences(sequences, "edit")
    tables = [intervened(opened, *item, is_masked).table for item in clean.items()]
    return pd.concat(tables, ignore_index=True)


def chosen_proteins(
    opened: OpenedEdits, accessions: list[str] | None, sequence: str | None, fasta: str | None
) -> Iterable[tuple[str, str]]:
    """Name and sequence of what the command line gives: proteins of the run, one, or a file's."""
    return run_proteins(opened, accessions) if accessions else given_proteins(sequence, fasta)


def run_proteins(opened: HasSequences, accessions: list[str]) -> Iterator[tuple[str, str]]:
    """Name and sequence of proteins of the run.

    Raises
    ------
    UserError
        If the run has no such protein.
    """
    sequences = opened.sequences
    for accession in dict.fromkeys(accessions):
        if accession not in sequences:
            raise UserError(
                f"--protein: no {accession!r} among the {len(sequences):,} proteins of "
                f"{opened.results}; give an accession of its protein table, or --sequence"
            )
        yield accession, sequences[accession]


def edited_rows(name: str, sequence: str, edited: np.ndarray, found: Predicted) -> pd.DataFrame:
    """Rows of the table ``edited`` of one protein.

    Parameters
    ----------
    edited : ndarray
        Residues that are changed, bool, shape (n_residues,).
    found : Predicted

    Raises
    ------
    UserError
        If the edit is so large that the model computes no numbers.

    Examples
    --------
    >>> even, other = np.full((2, 33), 1 / 33), np.full((2, 33), 1 / 33)
    >>> other[1, STANDARD_TOKENS[0]] = 0.5  # A
    >>> found = Predicted(np.log(even), np.log(other))
    >>> rows = edited_rows("P1", "AX", np.array([True, False]), found)
    >>> rows[["residue", "edited", "edited_best", "gained", "gain"]].round(2).values.tolist()
    [['A', True, 'A', None, 0.0], ['X', False, 'A', 'A', 0.47]]
    """
    if not np.isfinite(found.edited).all():
        raise UserError(
            f"{name}: no number is left of the edited prediction; expected an edit that the model "
            "can compute with; edit by a smaller amount"
        )
    clean, changed = _standard(found)
    change = changed - clean
    column = np.array([STANDARD.find(letter) for letter in sequence])
    of_residue = np.arange(len(sequence)), np.maximum(column, 0)
    most, least = change.argmax(1), change.argmin(1)
    gain, loss = change.max(1), -change.min(1)
    rows = pd.DataFrame(
        {
            "protein": name,
            "position": np.arange(1, 1 + len(sequence)),
            "residue": list(sequence),
            "edited": edited,
            "probability": np.where(column >= 0, clean[of_residue], np.nan),
            "edited_probability": np.where(column >= 0, changed[of_residue], np.nan),
            # A sum of rounded terms, which may lie a little below 0.
            "kl": np.maximum(found.kl, 0),
            "best": _LETTERS[clean.argmax(1)],
            "edited_best": _LETTERS[changed.argmax(1)],
            "gained": np.where(gain > 0, _LETTERS[most], None),
            "gain": np.maximum(gain, 0),
            "lost": np.where(loss > 0, _LETTERS[least], None),
            "loss": np.maximum(loss, 0),
        }
    )
    return conform(rows, EDITED, name)


def _standard(found: Predicted) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of the 20 amino acids, clean and edited: float64, shape (n_residues, 20)."""
    clean, edited = (
        np.exp(logp[:, STANDARD_TOKENS].astype(np.float64)) for logp in (found.clean, found.edited)
    )
    return clean, edited
