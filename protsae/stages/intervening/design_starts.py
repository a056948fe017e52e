"""All that protsae steer does, start by start: what is given, designed and written."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from protsae.errors import UserError
from protsae.interventions.intervention_text import parse_residues
from protsae.interventions.steering import Schedule
from protsae.io.table_files.growing_tables import growing_table
from protsae.schema.interventions.design_table import DESIGNS
from protsae.schema.table import conform
from protsae.stages.intervening.designs import (
    MASKS,
    NONE,
    STEERED,
    Make,
    designs,
    masks,
    write_fasta,
)
from protsae.stages.intervening.intervened_proteins import chosen_proteins
from protsae.stages.intervening.opened_edits import OpenedEdits, chosen_residues

FASTA = "designs.fasta"
Judged = Callable[[pd.DataFrame, Mapping[str, str]], pd.DataFrame]
"""As `ConceptJudges.judged`."""

DEFAULT_EDIT = "clamp=2q0.9"
"""Of a feature that is named alone."""


@dataclass(frozen=True)
class Plan:
    """What is asked for.

    Attributes
    ----------
    schedule : Schedule
    n_designs : int
        For each start and arm.
    seed : int
    kept : str, optional
        Residues that stay, such as 1-20,45.
    """

    schedule: Schedule
    n_designs: int
    seed: int
    kept: str | None = None

    def validate(self) -> None:
        """Raise UserError for a number that makes no sense."""
        plan = self.schedule
        if plan.rounds < 1 or self.n_designs < 1 or self.seed < 0:
            raise UserError(
                f"--rounds {plan.rounds}, --designs {self.n_designs}, --seed {self.seed}; expected "
                "at least 1, 1 and 0"
            )
        if not 0 < plan.share <= 1:
            raise UserError(f"--share {plan.share:g}; expected a share above 0, up to 1")
        if not (0 < plan.hot < np.inf and 0 < plan.cold < np.inf):
            raise UserError(f"--temperature {plan.hot:g} {plan.cold:g}; expected two above 0")

    def free(self, name: str, start: str) -> np.ndarray:
        """Residues of a start that may change: bool, shape (n_residues,)."""
        if self.kept is None:
            return np.ones(len(start), dtype=bool)
        intervals = parse_residues(self.kept, "--keep")
        return ~chosen_residues(intervals, len(start), "--keep", name)


def full_edit(text: str) -> str:
    """An edit; a feature by itself is clamped.

    Examples
    --------
    >>> full_edit("6/topk/246"), full_edit("6/topk/246:ablate")
    ('6/topk/246:clamp=2q0.9', '6/topk/246:ablate')
    """
    return text if ":" in text else f"{text}:{DEFAULT_EDIT}"


def given_starts(
    opened: OpenedEdits,
    accessions: list[str] | None,
    sequence: str | None,
    fasta: str | None,
    length: int | None,
) -> Iterable[tuple[str, str]]:
    """Name and letters of what the command line gives: proteins, or ``length`` masks."""
    if length is not None:
        return [(MASKS, masks(length))]
    return chosen_proteins(opened, accessions, sequence, fasta)


def plain_arms(opened: OpenedEdits) -> dict[str, Make]:
    """The edits, and none."""
    return {
        STEERED: lambda name, start, number: opened.interventions(name, start),
        NONE: lambda name, start, number: [],
    }


def design_starts(
    opened: OpenedEdits,
    arms: Mapping[str, Make],
    judged: Judged | None,
    starts: Iterable[tuple[str, str]],
    plan: Plan,
    folder: Path,
    about: dict[str, Any],
) -> Iterator[pd.DataFrame]:
    """Design from one start after another; the files appear when all are done.

    Parameters
    ----------
    judged : function, optional
        Rows of the table and letters of each start to the rows with what judges say of a concept.

    Yields
    ------
    DataFrame
        Rows of the table ``designs`` of a start.
    """
    plan.validate()
    every: list[pd.DataFrame] = []
    stated = {**about, **vars(plan.schedule), "seed": plan.seed, "kept": plan.kept}
    with growing_table(folder, DESIGNS, stated) as writer:
        for number, (name, start) in enumerate(starts):
            rows = designs(
                *(opened, arms, name, start, plan.free(name, start), plan.schedule),
                *(plan.n_designs, (plan.seed,), number),
            )
            if judged is not None:
                rows = conform(judged(rows, {name: start}), DESIGNS, name)
            writer.append(rows)
            every.append(rows)
            yield rows
        write_fasta(folder / FASTA, joined(every))


def joined(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Rows of all starts; none without a start."""
    empty = pd.DataFrame(columns=DESIGNS.names)
    return pd.concat(tables, ignore_index=True) if tables else empty
