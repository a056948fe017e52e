"""Whether designs have a concept, told by what no language model has seen.

A probe of sequence windows is fitted to the run's train proteins, and the best train homologue of a
design is looked up.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from protsae.concepts.concept import some_types
from protsae.concepts.concept_table import ConceptTable
from protsae.config.settings import Config
from protsae.errors import UserError
from protsae.interventions.steering import TO_DESIGN
from protsae.one_line import cut
from protsae.references.residue_data import Residues, blosum_reader
from protsae.references.window_judge import WindowJudge, fit_window_judge
from protsae.stages.inputs.studied_proteins import Study

WINDOW, HOMOLOGUE = "window probe", "homologue"
"""Names of the two in the column ``judged``."""


@dataclass(frozen=True, eq=False)
class Homologues:
    """Train proteins, and which of their residues have a concept.

    Attributes
    ----------
    accessions, sequences : sequence of str
    labels : sequence of ndarray
        bool, shape (n_residues,), of each.
    evalue : float
        Highest of a hit.
    """

    accessions: Sequence[str]
    sequences: Sequence[str]
    labels: Sequence[np.ndarray]
    evalue: float

    def best(self, queries: Sequence[str]) -> list[tuple[str | None, bool]]:
        """Best hit of each query, if any, and whether it has the concept where they are aligned.

        Raises
        ------
        UserError
            If MMseqs2 fails.
        """
        from protsae.io.mmseqs import search  # an extra, which other judges do without

        found: list[tuple[str | None, bool]] = [(None, False)] * len(queries)
        for hit in reversed(search(queries, self.sequences, self.evalue)):
            _, at_target = hit.pairs()
            has = bool(self.labels[hit.target][at_target].any())
            found[hit.query] = self.accessions[hit.target], has
        return found


@dataclass(frozen=True, eq=False)
class ConceptJudges:
    """What judges designs by one concept.

    Attributes
    ----------
    window : WindowJudge
    homologues : Homologues, optional
        None for a concept that the sequence defines: every sequence shows by itself where it is.
    """

    window: WindowJudge
    homologues: Homologues | None

    @property
    def concept(self) -> str:
        """Name of the concept."""
        return self.window.concept

    def judge(self, sequences: Sequence[str]) -> pd.DataFrame:
        """Columns concept, window_share and so on of the table ``designs``, a row a sequence."""
        rows = pd.DataFrame({"concept": [self.concept] * len(sequences)})
        rows["window_share"] = [self.window.share(sequence) for sequence in sequences]
        rows["window_has_concept"] = [int(self.window.holds(sequence)) for sequence in sequences]
        if self.homologues is None:
            return rows.assign(homologue=None, homologue_has_concept=None)
        best = self.homologues.best(sequences)
        accessions = np.array([name for name, _ in best], dtype=object)
        has = [int(has) for _, has in best]
        return rows.assign(homologue=accessions, homologue_has_concept=has)

    def judged(self, rows: pd.DataFrame, starts: Mapping[str, str]) -> pd.DataFrame:
        """Rows of the table ``designs`` with what this says of them.

        Parameters
        ----------
        starts : mapping of str to str
            Letters of each start; ``judged`` gains what a design has and its start has not.
        """
        given = {name: start for name, start in starts.items() if TO_DESIGN not in start}
        every = self.judge([*rows["sequence"], *given.values()])
        found, before = every[: len(rows)], every[len(rows) :]
        of_start = dict(zip(given, map(_having, before.to_dict("records")), strict=True))
        judged: list[str | None] = []
        for start, text, row in zip(
            rows["start"], rows["judged"], found.to_dict("records"), strict=True
        ):
            new = [name for name in _having(row) if name not in of_start.get(start, [])]
            judged.append("; ".join([*([text] if isinstance(text, str) else []), *new]) or None)
        column = pd.Series(judged, rows.index, dtype=object)
        return rows.assign(**found.set_index(rows.index), judged=column)


def _having(row: Mapping[Hashable, Any]) -> list[str]:
    """Which of the two find the concept in a sequence."""
    columns = {WINDOW: "window_has_concept", HOMOLOGUE: "homologue_has_concept"}
    return [name for name, column in columns.items() if row[column] == 1]


class RunWithConcepts(Protocol):
    """What judges need of a run."""

    @property
    def results(self) -> Path:
        """Its folder."""

    @property
    def config(self) -> Config:
        """Its settings."""

    @property
    def study(self) -> Study:
        """Its proteins, with their splits."""

    @property
    def concepts(self) -> ConceptTable:
        """Its concepts."""


def open_judges(run: RunWithConcepts, concept: str | None) -> ConceptJudges | None:
    """Fit the window probe of a concept to a run's train proteins, and take its homologues.

    Parameters
    ----------
    run : RunWithConcepts
    concept : str, optional
        Without one there are no judges.

    Raises
    ------
    UserError
        If the run has no such concept.
    """
    if concept is None:
        return None
    proteins, concepts = run.study.proteins, run.concepts
    names = [known.name for known in concepts.concepts]
    if concept not in names:
        some = some_types(names)
        raise UserError(
            f"--concept {cut(concept, 60)}: not among the {len(names)} concepts of {run.results}; "
            f"expected one such as {some}"
        )
    column, settings = names.index(concept), run.config.references
    reader = blosum_reader(proteins, settings.window_flank)
    residues = Residues(reader, proteins, concepts, run.config.probe)
    window = fit_window_judge(residues, column, settings.window_flank)
    if not concepts.has_instances[column]:
        return ConceptJudges(window, None)
    train = proteins[proteins["split"] == "train"]
    accessions = train["accession"].tolist()
    labels = concepts.labels(accessions)[:, [column]].toarray().ravel() > 0
    ends = np.cumsum(train["sequence"].str.len().to_numpy())[:-1]
    own = accessions, train["sequence"].tolist(), np.split(labels, ends)
    return ConceptJudges(window, Homologues(*own, settings.evalue))
