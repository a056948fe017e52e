"""Which UniProt features rest on an experiment, told by their evidence codes.

Codes of the Evidence and Conclusion Ontology as UniProt uses them (https://www.uniprot.org/help/
evidence_table, https://www.uniprot.org/help/evidences). Counted as experimental:

- ECO:0000269, experiment in a publication,
- ECO:0007744 and ECO:0007829 (until 2020 ECO:0000244 and ECO:0000213), "combinatorial": computed
  from experimental data, namely a structure of the PDB or a large-scale proteomics study.

Not counted: similarity (0000250), sequence models (0000255, 0000256, 0000259), a curator's
inference (0000305), an author's statement without a traceable experiment (0000303) and what was
imported from other databases (0000312, 0000313).
"""

from collections import Counter

import pandas as pd

EXPERIMENTAL = frozenset(
    ("ECO:0000269", "ECO:0007744", "ECO:0007829", "ECO:0000244", "ECO:0000213")
)
"""Evidence codes that stand for an experiment."""

# UniProt takes secondary structure from the PDB alone (https://www.uniprot.org/help/helix), and
# releases before 2014 do not repeat that for each feature.
_ALWAYS = frozenset(("HELIX", "STRAND", "TURN"))

NO_EVIDENCE = "no evidence given"
NOT_EXPERIMENTAL = "evidence is not experimental"


def is_experimental(feature_type: str, evidence: str) -> bool:
    """Whether at least one evidence code of a feature stands for an experiment.

    A feature without any code is not experimental: neither old releases nor legacy annotation
    say so of each feature. Secondary structure is, as it comes from structures only.

    Parameters
    ----------
    feature_type : str
        Swiss-Prot key.
    evidence : str
        ECO codes, comma-joined; may be empty.

    Examples
    --------
    >>> is_experimental("BINDING", "ECO:0000255,ECO:0000269"), is_experimental("SIGNAL", "")
    (True, False)
    >>> is_experimental("HELIX", "")
    True
    """
    return feature_type in _ALWAYS or not EXPERIMENTAL.isdisjoint(evidence.split(","))


def split_by_evidence(
    annotations: pd.DataFrame,
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, int]]:
    """Features that rest on an experiment, the others, and how many of those there are by reason.

    Parameters
    ----------
    annotations : DataFrame
        Columns type and evidence, and any others.

    Returns
    -------
    experimental, others : DataFrame
        Rows of ``annotations``, in its order.
    counts : dict of str to int
        Number of ``others`` by reason.

    Examples
    --------
    >>> rows = [("SIGNAL", "ECO:0000269"), ("SIGNAL", "ECO:0000255"), ("SIGNAL", "")]
    >>> table = pd.DataFrame(rows, columns=["type", "evidence"])
    >>> experimental, others, counts = split_by_evidence(table)
    >>> len(experimental), len(others), counts
    (1, 2, {'evidence is not experimental': 1, 'no evidence given': 1})
    """
    evidence = annotations["evidence"].fillna("")
    keep = [
        is_experimental(kind, codes)
        for kind, codes in zip(annotations["type"], evidence, strict=True)
    ]
    kept = pd.Series(keep, index=annotations.index, dtype=bool)
    counts = Counter(NOT_EXPERIMENTAL if codes else NO_EVIDENCE for codes in evidence[~kept])
    return annotations[kept], annotations[~kept], dict(sorted(counts.items()))
