"""What designs have become, in words, arm by arm."""

from collections import Counter
from typing import Protocol

import pandas as pd

from protsae.one_line import note, one_line
from protsae.screen.wording import count, fitted

WHAT_IT_SAYS = (
    "judged: rules on the sequence alone (docs/interventions.md) that a design satisfies and its "
    "start does not; no rule says that a protein folds or works",
    "compare with the arm none: resampling alone changes a protein, too",
)


def steered_lines(table: pd.DataFrame) -> list[str]:
    """The designs of one start.

    Parameters
    ----------
    table : DataFrame
        Its rows of the table ``designs``.
    """
    first = table.iloc[0]
    n_designs = count(int(table["design"].max()), "design")
    length = count(len(first["sequence"]), "residue")
    lines = [f"{one_line(str(first['start']))}: {length}, {n_designs} in each arm"]
    for arm, own in table.groupby("arm", sort=False):
        said = [f"mean activation {own['activation'].mean():.2g}"]
        if own["identity"].notna().any():
            said.append(f"identity to the start {own['identity'].mean():.0%}")
        if own["pairwise_identity"].notna().any():
            said.append(f"to each other {own['pairwise_identity'].mean():.0%}")
        said += [
            f"pseudo-perplexity {own['pseudo_perplexity'].mean():.1f}",
            f"hydropathy {own['hydropathy'].mean():+.2f}",
            f"charge {own['charge'].mean():+.2f} per residue",
        ]
        held = Counter(name for text in own["judged"].dropna() for name in text.split("; "))
        judged = [f"{name} {n} of {len(own)}" for name, n in held.most_common()]
        said += [f"judged: {', '.join(judged) or 'nothing new'}", *_of_concept(own)]
        lines += fitted("; ".join(said), f"  {arm}: ")
    if table["concept"].notna().any() and table["arm"].nunique() > 1:
        head = f"  Designs with unusually much {one_line(str(first['concept']))} by window: "
        lines += fitted(", ".join(_shares(table)), head)
    return lines


def _shares(table: pd.DataFrame) -> list[str]:
    """How many designs of each arm the window probe says to have the concept."""
    return [
        f"{arm} {int(own['window_has_concept'].sum())} of {len(own)}"
        for arm, own in table.groupby("arm", sort=False)
    ]


def _of_concept(own: pd.DataFrame) -> list[str]:
    """What window probe and homologues say of the designs of an arm."""
    if own["concept"].isna().all():
        return []
    concept = one_line(str(own["concept"].iloc[0]))
    has = int(own["window_has_concept"].sum())
    on = own["window_share"].mean()
    lines = [f"{concept} by window at {on:.0%} of residues, unusually much in {has} of {len(own)}"]
    if own["homologue_has_concept"].notna().any():
        n, has = int(own["homologue"].notna().sum()), int(own["homologue_has_concept"].sum())
        found = f"{n} of {len(own)} have a homologue in train, {has} one with {concept}"
        lines.append(found if n else "none has a homologue in train")
    return lines


class FittedWindow(Protocol):
    """A probe of sequence windows."""

    @property
    def concept(self) -> str:
        """Name of the concept."""

    @property
    def valid_f1(self) -> float:
        """Highest F1 on valid."""


def judge_lines(window: FittedWindow | None) -> list[str]:
    """What the window probe is and how good."""
    if window is None:
        return [note("no concept to judge by: no window probe, no homologues; name it: --concept")]
    return [
        note(
            f"by window: a probe of {one_line(window.concept)} on the letters around a residue "
            f"was fitted to train (F1 {window.valid_f1:.2f} on valid, which chose its penalty and "
            "threshold); unusually much is more than in 95 % of the proteins of valid"
        )
    ]


def said_at_end(folder: str, n_designs: int, n_starts: int) -> list[str]:
    """How to read it, and what was written where.

    Examples
    --------
    >>> said_at_end("steer", 8, 1)[-1]
    'wrote steer/: designs.parquet, designs.tsv and designs.fasta, 8 designs of 1 start'
    """
    files = "designs.parquet, designs.tsv and designs.fasta"
    wrote = f"{count(n_designs, 'design')} of {count(n_starts, 'start')}"
    return [*map(note, WHAT_IT_SAYS), f"wrote {folder}/: {files}, {wrote}"]
