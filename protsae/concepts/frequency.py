"""How often concepts occur in train, valid and test, and which are too rare to be scored."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from protsae.concepts.labeller import Labeller
from protsae.proteins.records import FEATURE_TYPES
from protsae.proteins.split_names import SPLITS
from protsae.statistics import ragged
from protsae.statistics.cluster_intervals import group_sums

_SCORED = ("valid", "test")


@dataclass(frozen=True)
class LeftOut:
    """Why a concept is not scored: the rule, and the numbers found where it asks for numbers.

    Examples
    --------
    >>> str(LeftOut("fewer than 5 homology clusters in valid or test", "7 in valid, 3 in test"))
    'fewer than 5 homology clusters in valid or test: 7 in valid, 3 in test'
    """

    rule: str
    found: str = ""

    def __str__(self) -> str:
        return f"{self.rule}: {self.found}" if self.found else self.rule


def count_occurrence(labeller: Labeller, proteins: pd.DataFrame) -> pd.DataFrame:
    """How often each concept occurs.

    Parameters
    ----------
    proteins : DataFrame
        Columns accession, cluster, split.

    Returns
    -------
    DataFrame
        One row for each of the labeller's concepts, in its order: concept, concept_type; for
        each split S S_residues (that have the concept), S_known (whose label is
        known), S_instances (empty where the concept has none), S_proteins and
        S_clusters (with at least one such residue).
    """
    columns: dict[str, object] = {
        "concept": [concept.name for concept in labeller.concepts],
        "concept_type": [concept.type for concept in labeller.concepts],
    }
    for split in SPLITS:
        members = proteins[proteins["split"] == split]
        for name, counts in _counts(labeller, members).items():
            columns[f"{split}_{name}"] = counts
    return pd.DataFrame(columns)


def not_scored(
    occurrence: pd.DataFrame, min_residues: int, min_clusters: int
) -> dict[str, LeftOut]:
    """Concepts that are not scored, each with the first rule that it breaks."""
    residues, clusters, known = (
        occurrence[[f"{split}_{count}" for split in _SCORED]].to_numpy()
        for count in ("residues", "clusters", "known")
    )
    rules = (
        (
            f"fewer than {min_residues} residues in valid or test",
            (residues < min_residues).any(axis=1),
            residues,
        ),
        (
            f"fewer than {min_clusters} homology clusters in valid or test",
            (clusters < min_clusters).any(axis=1),
            clusters,
        ),
        ("no residue known to lack it in valid or test", (known <= residues).any(axis=1), None),
        ("same residues in valid and test as its whole type", _repeats_type(occurrence), None),
    )
    names = occurrence["concept"].tolist()
    reasons: dict[str, LeftOut] = {}
    for rule, broken, found in rules:
        for row in np.flatnonzero(broken).tolist():
            numbers = "" if found is None else "{:,} in valid, {:,} in test".format(*found[row])
            reasons.setdefault(names[row], LeftOut(rule, numbers))
    return reasons


def occurrence_rows(
    occurrence: pd.DataFrame,
    reasons: Mapping[str, LeftOut],
    features_left_out: Mapping[str, Mapping[str, int]],
) -> pd.DataFrame:
    """The table of all concepts, with what of the input is none.

    Parameters
    ----------
    occurrence : DataFrame
        As `count_occurrence` gives it.
    reasons : mapping of str to LeftOut
        Why a concept is not scored, by name; also of names that ``occurrence`` lacks.
    features_left_out : mapping
        Number of UniProt features that were left out of the annotations, by type, then by reason.
        A type of which any feature became a concept is no row of its own.

    Returns
    -------
    DataFrame
        The rows of ``occurrence``, then one without counts for each other name; and a column
        left_out, empty for concepts that are scored.

    Examples
    --------
    >>> counts = pd.DataFrame({"concept": ["BINDING"], "concept_type": ["BINDING"], "n": [7]})
    >>> features = {
    ...     "CHAIN": {"covers nearly the whole protein": 1234},
    ...     "METAL": {"start after end": 1},
    ... }
    >>> rows = occurrence_rows(counts, {}, features)
    >>> rows[["concept", "left_out"]].values.tolist()
    [['BINDING', ''], ['CHAIN', 'covers nearly the whole protein: 1,234 features']]
    """
    counted = set(occurrence["concept"])
    types = {
        key: "; ".join(f"{why}: {n:,} feature{'s' * (n != 1)}" for why, n in counts.items())
        for key, counts in features_left_out.items()
        if not {key, _merged(key)} & (counted | reasons.keys())
    }
    texts = types | {name: str(reason) for name, reason in reasons.items()}
    others = [name for name in texts if name not in counted]
    without = pd.DataFrame(
        {"concept": others, "concept_type": [name.partition(":")[0] for name in others]}
    )
    rows = pd.concat([occurrence, without], ignore_index=True)
    return rows.assign(left_out=[texts.get(name, "") for name in rows["concept"]])


def _counts(labeller: Labeller, members: pd.DataFrame) -> dict[str, object]:
    """Counts of each concept over the given proteins; each of shape (n_concepts,)."""
    accessions = members["accession"].tolist()
    n_concepts = len(labeller.concepts)
    per_protein = [sparse.csr_array((0, n_concepts), dtype=np.int64)]
    known = np.zeros(labeller.n_known_columns, dtype=np.int64)
    for batch in labeller.batches(accessions):
        lengths = np.array([len(labeller.proteins[accession]) for accession in batch])
        protein = ragged.groups(lengths)
        per_protein.append(group_sums(labeller.labels(batch), protein, len(batch)))
        known += labeller.known(batch).sum(axis=0)
    residues = sparse.csr_array(sparse.vstack(per_protein, format="csr"))
    cluster, names = pd.factorize(members["cluster"])
    in_clusters = group_sums(residues, cluster, len(names))
    instances = np.bincount(labeller.instances(accessions).column, minlength=n_concepts)
    return {
        "residues": np.asarray(residues.sum(axis=0), dtype=np.int64),
        "known": known[labeller.known_column],
        "instances": pd.Series(instances, dtype="Int64").where(labeller.has_instances),
        "proteins": np.bincount(residues.indices, minlength=n_concepts),
        "clusters": np.bincount(in_clusters.indices, minlength=n_concepts),
    }


def _repeats_type(occurrence: pd.DataFrame) -> np.ndarray:
    """Names that mark what their whole type does in valid and test: bool, shape (n_concepts,)."""
    both = occurrence[[f"{split}_residues" for split in _SCORED]].sum(axis=1)
    of_type = dict(zip(occurrence["concept"], both, strict=True))
    # A name's residues are among those of its type, so equal counts mean equal sets.
    is_name = occurrence["concept"] != occurrence["concept_type"]
    return (is_name & (occurrence["concept_type"].map(of_type) == both)).to_numpy()


def _merged(feature_type: str) -> str:
    """The type that has replaced it, if any."""
    row = FEATURE_TYPES.get(feature_type)
    return row.merged_into if row else ""
