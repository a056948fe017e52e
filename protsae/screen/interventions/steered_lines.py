"""What designs have become, in words, arm by arm."""

from collections import Counter

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
        said = [f"activation {own['activation'].mean():.2g}"]
        if own["identity"].notna().any():
            said.append(f"identity {own['identity'].mean():.0%}")
        said += [
            f"pseudo-perplexity {own['pseudo_perplexity'].mean():.1f}",
            f"hydropathy {own['hydropathy'].mean():+.2f}",
            f"charge {own['charge'].mean():+.2f} per residue",
        ]
        held = Counter(name for text in own["judged"].dropna() for name in text.split("; "))
        judged = [f"{name} {n} of {len(own)}" for name, n in held.most_common()]
        said.append(f"judged: {', '.join(judged) or 'nothing new'}")
        lines += fitted("; ".join(said), f"  {arm}: ")
    return lines


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
