"""Which concepts are commoner among the features of a community than in the whole SAE."""

import numpy as np
import pandas as pd
from scipy.stats import hypergeom

from protsae.statistics.multiple_testing import benjamini_hochberg


def enriched_concepts(community: np.ndarray, called: pd.DataFrame) -> pd.DataFrame:
    """Concepts of each community, with the probability of so many by chance.

    P(X >= k), X hypergeometric: of the N features that have any concept, n have this one, and m of
    the N are in the community, k of them with the concept. Features with similar directions often
    detect the same; that is what a community is, and no evidence that a concept matters.

    Parameters
    ----------
    community : ndarray of int, shape (n_features,)
        Number of the community, from 0; -1 for none.
    called : DataFrame
        Columns feature and concept: pairs that are called.

    Returns
    -------
    DataFrame
        Columns community, concept, n_features (m), n_with (k), n_with_anywhere (n), n_annotated
        (N), expected (m n / N), p_value, and q_value; rows with k >= 2. q is corrected over all
        pairs of a community and a concept that two features have, in a row or not.

    Examples
    --------
    Six features have concepts; both helices are in community 0, which has three of the six:

    >>> called = pd.DataFrame({"feature": range(6), "concept": ["HELIX"] * 2 + ["SIGNAL"] * 4})
    >>> found = enriched_concepts(np.array([0, 0, 0, 1, 1, 1]), called)
    >>> found[["community", "concept", "n_with", "expected", "p_value"]].round(6).values.tolist()
    [[0, 'HELIX', 2, 1.0, 0.2], [1, 'SIGNAL', 3, 2.0, 0.2]]
    """
    pairs = called[["feature", "concept"]].drop_duplicates()
    annotated = np.unique(pairs["feature"])
    members = community[annotated]
    sizes = np.bincount(members[members >= 0], minlength=int(community.max(initial=-1)) + 1)
    pairs = pairs.assign(community=community[pairs["feature"]])
    anywhere = pairs["concept"].value_counts()
    counts = pairs[pairs["community"] >= 0].groupby(["community", "concept"]).size()
    rows = counts[counts >= 2].rename("n_with").reset_index()
    rows["n_features"] = sizes[rows["community"]] if len(rows) else 0
    rows["n_with_anywhere"] = rows["concept"].map(anywhere).astype(np.int64)
    rows["n_annotated"] = len(annotated)
    rows["expected"] = rows["n_features"] * rows["n_with_anywhere"] / max(1, len(annotated))
    law = (rows["n_annotated"], rows["n_with_anywhere"], rows["n_features"])
    p_values = np.asarray(hypergeom.sf(rows["n_with"] - 1, *law)) if len(rows) else np.zeros(0)
    n_tests = int((sizes > 0).sum()) * int((anywhere >= 2).sum())
    others = np.ones(max(0, n_tests - len(rows)))
    q_values = benjamini_hochberg(np.concatenate([p_values, others]))[: len(rows)]
    rows = rows.assign(p_value=p_values, q_value=q_values)
    return rows.sort_values(["community", "p_value", "concept"], ignore_index=True)
