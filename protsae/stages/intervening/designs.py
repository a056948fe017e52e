"""Designs of one start in every arm, with scores that have not seen the model."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from protsae.concepts.sequence import design_scores
from protsae.concepts.sequence.low_complexity import low_complexity
from protsae.errors import UserError
from protsae.interventions.intervention import Intervention
from protsae.interventions.steering import TO_DESIGN, Schedule, pseudo_perplexity, readings, steer
from protsae.io.atomic import atomic_path
from protsae.one_line import cut, one_line
from protsae.schema.interventions.design_table import DESIGNS
from protsae.schema.table import conform
from protsae.stages.intervening.opened_edits import OpenedEdits

STEERED, NONE = "steered", "none"
"""Arms: with the edits, and without."""

OF_CONCEPT = (
    *("concept", "window_share", "window_has_concept"),
    *("homologue", "homologue_has_concept"),
)
"""Columns that stay empty until a concept is judged (`ConceptJudges.judged`)."""

Make = Callable[[str, str, int], list[Intervention]]
"""Interventions of an arm by name and letters of a start, and its number."""

MASKS = "masks"
"""Name of a start from masks alone."""


def masks(length: int) -> str:
    """A start of so many residues to design."""
    if length < 1:
        raise UserError(f"--length {length}; expected at least 1 residue")
    return TO_DESIGN * length


def validate_start(name: str, start: str, context: int, free: np.ndarray, plan: Schedule) -> None:
    """Raise UserError unless a start can be designed from.

    It must fit the model in one piece and have residues that may change, and the rounds must be
    enough to draw each residue that is not there yet.
    """
    if len(start) > context:
        raise UserError(
            f"{cut(name, 60)}: {len(start):,} residues; steer takes what the model sees at once, "
            f"{context:,} at most; give a part of it"
        )
    if not free.any():
        raise UserError(f"--keep: all {len(start):,} residues of {cut(name, 60)}; leave some free")
    n_masked, drawn = start.count(TO_DESIGN), plan.n_drawn(int(free.sum()))
    if n_masked > plan.rounds * drawn:
        raise UserError(
            f"--rounds {plan.rounds}: draws {drawn} residues a round, {plan.rounds * drawn:,} of "
            f"{n_masked:,}; give more rounds or a larger --share"
        )


def designs(
    opened: OpenedEdits,
    arms: Mapping[str, Make],
    name: str,
    start: str,
    free: np.ndarray,
    plan: Schedule,
    n_designs: int,
    seed: tuple[int, ...],
    number: int = 0,
) -> pd.DataFrame:
    """Rows of the table ``designs`` of one start.

    Parameters
    ----------
    arms : mapping of str to function
        Interventions of each arm.
    free : ndarray
        Residues that may change, bool, shape (n_residues,).
    seed : tuple of int
        Design i of each arm has the random numbers of ``(*seed, i)``.
    number : int
        Of the start, for arms that differ between starts.
    """
    validate_start(name, start, opened.context, free, plan)
    read = opened.interventions(name, start)
    seeds = [(*seed, i) for i in range(n_designs)]
    parts = []
    for arm, make in arms.items():
        acting = [_repeated(one, n_designs) for one in make(name, start, number)]
        tokens = opened.tokens_per_batch
        found = steer(
            *(opened.esm2, [start] * n_designs, acting, [free] * n_designs, plan, seeds, tokens)
        )
        parts.append(_scored(opened, read, start, found).assign(arm=arm))
    rows = pd.concat(parts, ignore_index=True).assign(start=name)
    return conform(rows.assign(**dict.fromkeys(OF_CONCEPT)), DESIGNS, name)


def _repeated(one: Intervention, n: int) -> Intervention:
    """The same for so many designs."""
    residues = None if one.is_edited is None else [one.is_edited[0]] * n
    return replace(one, is_edited=residues)


def _scored(
    opened: OpenedEdits, read: list[Intervention], start: str, found: list[str]
) -> pd.DataFrame:
    """Scores of designs of one arm."""
    fixed = np.array(list(start))
    has_start = TO_DESIGN not in start
    before = {name for name, one in design_scores.JUDGES.items() if has_start and one.holds(start)}
    perplexity = pseudo_perplexity(opened.esm2, found, opened.tokens_per_batch)
    alike = design_scores.pairwise_identity(found)
    rows: list[dict[str, Any]] = []
    for i, sequence in enumerate(found):
        same = float((fixed == np.array(list(sequence))).mean())
        activation = [values.mean() for values in readings(opened.esm2, sequence, read)]
        held = [name for name, one in design_scores.JUDGES.items() if one.holds(sequence)]
        rows.append(
            {
                "design": i + 1,
                "sequence": sequence,
                "identity": same if has_start else None,
                "pairwise_identity": alike[i],
                "pseudo_perplexity": perplexity[i],
                "activation": float(np.mean(activation)),
                "hydropathy": design_scores.mean_hydropathy(sequence),
                "charge": design_scores.charge_per_residue(sequence),
                "tm_windows": design_scores.tm_windows(sequence),
                "low_complexity": float(low_complexity(sequence).mean()),
                "motifs": design_scores.motif_counts(sequence) or None,
                "judged": "; ".join(name for name in held if name not in before) or None,
            }
        )
    return pd.DataFrame(rows)


def fasta_record(row: Any) -> str:
    """A design as FASTA, with its scores in the header.

    Examples
    --------
    >>> row = pd.Series({"start": "P1", "arm": "steered", "design": 1, "sequence": "MKV"})
    >>> row["identity"], row["pseudo_perplexity"], row["activation"] = 0.5, 9.123, 0.25
    >>> row["hydropathy"], row["charge"], row["tm_windows"], row["judged"] = 0.1, 0.33, 0, None
    >>> row["pairwise_identity"], row["window_share"], row["homologue"] = 0.75, 0.125, "Q1"
    >>> print(fasta_record(row).splitlines()[0])
    >P1|steered|1 identity=0.50 pairwise_identity=0.75 pseudo_perplexity=9.12 activation=0.25 \
hydropathy=0.10 charge=0.33 window_share=0.12 tm_windows=0 homologue=Q1 judged=none
    """
    arm = str(row["arm"]).replace(" ", "_")
    first = ("identity", "pairwise_identity", "pseudo_perplexity", "activation")
    numbers = (*first, "hydropathy", "charge", "window_share")
    scores = [f"{name}={row[name]:.2f}" for name in numbers if pd.notna(row[name])]
    scores.append(f"tm_windows={row['tm_windows']}")
    scores += [f"homologue={row['homologue']}"] if isinstance(row["homologue"], str) else []
    scores.append(f"judged={row['judged'] if isinstance(row['judged'], str) else 'none'}")
    sequence = str(row["sequence"])
    lines = [sequence[i : i + 60] for i in range(0, len(sequence), 60)]
    name = one_line(str(row["start"])).replace(" ", "_")
    return "\n".join([f">{name}|{arm}|{row['design']} {' '.join(scores)}", *lines]) + "\n"


def write_fasta(path: Path, rows: pd.DataFrame) -> None:
    """Write designs, in the order of the table."""
    with atomic_path(path) as temporary:
        text = "".join(fasta_record(row) for _, row in rows.iterrows())
        temporary.write_text(text, encoding="utf-8", newline="\n")
