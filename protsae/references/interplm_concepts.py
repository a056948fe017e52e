"""The concepts that InterPLM's parser takes from UniProt features, for comparison only.

A concept is named after a column of UniProt's table, "Helix", or after the column and a note,
"Domain_SH2". What makes it differ from our concepts:

- A type that has notes counts by note alone: a feature without one is no feature. Few signal
  peptides have a note, so that hardly any is left.
- A note is the text up to the first semicolon, with copy numbers: "EGF-like 1", "EGF-like 2". It
  is a concept from ``MIN_NOTES`` features of the whole data set on.
- "Domain_any" has the features of those notes only. The rare ones are in no concept.
- Binding sites have none: their names are ligands, which are then looked for among the notes.
- Evidence does not matter, and what is not annotated is a negative.
- An end of unknown place ("?") makes a feature none. So do here, and not there, positions on
  isoforms, of which a note would count, and open ends within the chain ("<5..30").

References
----------
Simon & Zou, InterPLM, Nature Methods 22, 2107 (2025); release 1.0.0, `extract_annotations`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from protsae.concepts.uniprot.spans import Spans, is_certain

NOTED = {
    "ACT_SITE": "Active site",
    "CARBOHYD": "Glycosylation",
    "MOD_RES": "Modified residue",
    "TRANSIT": "Transit peptide",
    "COMPBIAS": "Compositional bias",
    "DOMAIN": "Domain",
    "REGION": "Region",
    "ZN_FING": "Zinc finger",
    "MOTIF": "Motif",
    "SIGNAL": "Signal peptide",
}
"""InterPLM's name of the types that count by note."""
PLAIN = {
    "TURN": "Turn",
    "HELIX": "Helix",
    "STRAND": "Beta strand",
    "COILED": "Coiled coil",
    "LIPID": "Lipidation",
    "DISULFID": "Disulfide bond",
}
"""And of those of which all features count, as one concept."""
MIN_NOTES = 100
"""Features of the data set with a note that make it a concept (the script's default)."""

BOND = PLAIN["DISULFID"]
"""The concept whose instances are not numbered: each of its residues is of instance 1."""

RESIDUE_LEVEL = (
    *("Active site", "Cofactor", "Glycosylation", "Modified residue", "amino_acid"),
    "Disulfide bond",
)
"""Concepts in whose name, note included, one of these occurs have their recall by residue."""


@dataclass(frozen=True, eq=False)
class InterplmConcepts:
    """Concepts and their instances.

    Attributes
    ----------
    names : tuple of str
        Sorted.
    spans : Spans
        Instances; ``column`` points into ``names``, ``protein`` into the proteins given. Of one
        protein and concept they are in the order of the source, and bonds have one for each end.
    """

    names: tuple[str, ...]
    spans: Spans

    @property
    def residue_level(self) -> np.ndarray:
        """Concepts with recall by residue, all others by instance: bool, shape (n_concepts,)."""
        return np.array([any(text in name for text in RESIDUE_LEVEL) for name in self.names], bool)

    @property
    def numbered(self) -> np.ndarray:
        """Concepts whose instances are told apart: bool, shape (n_concepts,)."""
        return np.array([name != BOND for name in self.names], dtype=bool)


def interplm_concepts(annotations: pd.DataFrame, accessions: Sequence[str]) -> InterplmConcepts:
    """Concepts of the proteins of a run, which stand for InterPLM's whole data set.

    Parameters
    ----------
    annotations : DataFrame
        Columns accession, type, description, start, end (1-based inclusive) and, unless all are,
        certain. One that is not has its ends unknown: its note counts, its residues do not.
    accessions : sequence of str
        Each protein of the table, in the order of the protein indices.

    Examples
    --------
    Of 100 domains 99 are SH2; the turn needs no note, the signal peptide has none:

    >>> rows = [("P1", "DOMAIN", "SH2; atypical", 2, 4)] * 100 + [("P1", "DOMAIN", "SH3", 6, 9)]
    >>> rows += [("P1", "TURN", "", 5, 5), ("P1", "SIGNAL", "", 1, 3)]
    >>> columns = ["accession", "type", "description", "start", "end"]
    >>> concepts = interplm_concepts(pd.DataFrame(rows, columns=columns), ["P1"])
    >>> concepts.names, np.bincount(concepts.spans.column).tolist()
    (('Domain_SH2', 'Domain_any', 'Turn'), [100, 100, 1])
    """
    note = annotations["description"].str.split(";").str[0]
    noted = annotations["type"].map(NOTED)
    named = (noted + "_" + note).where(note != "")
    named = named.where(named.map(named.value_counts()) >= MIN_NOTES)
    anything = (noted + "_any").where(named.notna())
    plain = annotations["type"].map(PLAIN)
    features = annotations[["accession", "start", "end"]]
    certain = is_certain(annotations)
    found = pd.concat(
        [
            features.assign(concept=concept)[concept.notna() & certain]
            for concept in (named, anything, plain)
        ]
    )
    bond = found["concept"] == BOND
    first = found.assign(end=found["end"].where(~bond, found["start"]))
    last = found[bond & (found["start"] < found["end"])]
    found = pd.concat([first, last.assign(start=last["end"])])

    number = {accession: index for index, accession in enumerate(accessions)}
    protein = found["accession"].map(number).to_numpy(dtype=np.int64)
    column, names = pd.factorize(found["concept"], sort=True)
    start, end = (found[name].to_numpy(dtype=np.int64) for name in ("start", "end"))
    table = np.stack([protein, column, start, end])[:, np.argsort(protein, kind="stable")]
    return InterplmConcepts(tuple(names), Spans.of_features(*table))
