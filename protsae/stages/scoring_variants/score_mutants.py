"""Log-odds of mutants by ESM-2's own forward pass, with the progress of the passes."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from protsae.interventions.log_odds import log_odds, masked_log_p, wild_type_log_p
from protsae.io.progress import progress
from protsae.plm.embedding import Embedder
from protsae.proteins.substitutions import Mutant


def scored_mutants(
    embedder: Embedder, name: str, sequence: str, mutants: Sequence[Mutant]
) -> pd.DataFrame:
    """Masked-marginal and wild-type-marginal log-odds of each mutant.

    A forward pass for each residue that is replaced, and one for each window of the protein.

    Returns
    -------
    DataFrame
        The columns of the variants table (docs/tables.md) up to wild_type_log_odds.
    """
    size = embedder.context, embedder.overlap
    sites = sorted({position - 1 for mutant in mutants for position in mutant.positions})
    masked: dict[int, np.ndarray] = {}
    with progress(len(sites), "masking residues", "residues") as bar:
        passes = masked_log_p(embedder.esm2, sequence, sites, *size, embedder.tokens_per_batch)
        for positions, log_p in passes:
            masked.update(zip(positions, log_p, strict=True))
            bar.update(len(positions))
    unmasked = dict(enumerate(wild_type_log_p(embedder.esm2, sequence, *size)))
    n = [len(mutant.substitutions) for mutant in mutants]
    position = [mutant.positions[0] if len(mutant.positions) == 1 else None for mutant in mutants]
    return pd.DataFrame(
        {
            "protein": name,
            "mutant": [str(mutant) for mutant in mutants],
            "n_substitutions": n,
            "position": pd.array(position, dtype="Int64"),
            "masked_log_odds": log_odds(mutants, masked),
            "wild_type_log_odds": log_odds(mutants, unmasked),
        }
    )


def worst(scores: pd.DataFrame, n: int) -> list[int]:
    """Rows of the mutants with the lowest masked log-odds, in the order of the table.

    Examples
    --------
    >>> worst(pd.DataFrame({"masked_log_odds": [-1.0, 0.5, -3.0]}), 2)
    [0, 2]
    """
    order = np.argsort(scores["masked_log_odds"].to_numpy(), kind="stable")
    return sorted(order[:n].tolist())
