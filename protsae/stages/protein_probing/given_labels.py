"""Labels of a run's proteins: columns of a table, what UniProt says, or concepts of the run."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from protsae.errors import UserError
from protsae.io.protein_files.entry_labels import EntryLabels, read_entry_labels
from protsae.io.protein_files.ontology import read_ontology
from protsae.one_line import cut
from protsae.protein_probes.target import GivenLabels, Target, read_target
from protsae.stages.deconfounding.protein_labels import ACCESSION, ProteinLabel, read_label_table
from protsae.stages.protein_probing.broader_terms import with_broader
from protsae.statistics.cluster_intervals import MIN_CLUSTERS

EXPERIMENTAL = frozenset(
    ("EXP", "IDA", "IPI", "IMP", "IGI", "IEP", "HTP", "HDA", "HMP", "HGI", "HEP")
)
"""Evidence codes of GO that stand for an experiment with the protein itself.

https://geneontology.org/docs/guide-go-evidence-codes/
"""

KINDS = ("ec", "go", "go-experimental", "keyword", "location")
"""What can be read of UniProt's entries."""


def table_labels(
    labels: str | Path | pd.DataFrame,
    accessions: Sequence[str],
    names: Collection[str] = (),
    classes: Collection[str] = (),
) -> GivenLabels:
    """The columns of a table, one label each.

    Parameters
    ----------
    labels : str, Path or DataFrame
        A tab-separated file with a column accession, or a table whose index or column it is.
    accessions : sequence of str
        Proteins of the run.
    names : collection of str
        Columns that are wanted; all by default.
    classes : collection of str
        Columns whose numbers are names of classes.

    Raises
    ------
    UserError
        If a column is missing or does not vary, or no protein of the run is in the table.
    """
    source = "the table of labels" if isinstance(labels, pd.DataFrame) else str(labels)
    table = _indexed(labels, source)
    for name in (*names, *classes):
        if name not in table:
            has = cut(", ".join(map(str, table.columns)), 80)
            raise UserError(f"{source}: no column {cut(repr(name), 60)}; it has {has}")
    if not (wanted := list(names) or [str(name) for name in table.columns]):
        raise UserError(f"{source}: no column but accession; expected a label in another")
    if not (shared := table.index.isin(list(accessions))).any():
        raise UserError(
            f"{source}: none of its {len(table):,} proteins is in the run, such as "
            f"{cut(str(table.index[0]), 40) if len(table) else '-'}; name them as the run does, "
            f"such as {accessions[0]}"
        )
    own = table.reindex(list(accessions))
    targets = [read_target(name, own[name].tolist(), name in classes) for name in wanted]
    given = GivenLabels(targets)
    if n_others := int((~shared).sum()):
        given.notes.append(f"{n_others:,} proteins of {source} are not in the run")
    return given


def uniprot_labels(
    path: str | Path,
    kind: str,
    accessions: Sequence[str],
    say: Callable[[str], None] = lambda line: None,
    least: int = MIN_CLUSTERS,
    ontology: str | Path | None = None,
) -> GivenLabels:
    """What UniProt says of the run's proteins.

    Of ``ec`` two labels: whether there is an EC number, and the first of its four numbers, unknown
    where there is none or several differ. Of GO terms, keywords and locations one yes/no label
    each, if at least ``least`` proteins have it and as many have others alone. An entry without any
    is unknown: that nothing was written says nothing.

    Parameters
    ----------
    path : str or Path
        UniProt JSON or Swiss-Prot flat text.
    kind : {"ec", "go", "go-experimental", "keyword", "location"}
        ``go-experimental``: terms with evidence in `EXPERIMENTAL` alone.
    ontology : str or Path, optional
        GO's OBO file: a term holds for proteins with a narrower one, too (`with_broader`).

    Raises
    ------
    UserError
        If a file cannot be read, no protein of the run is in it, or no label is left, or the
        ontology is given for what is not of GO.
    """
    if ontology and not kind.startswith("go"):
        raise UserError(f"--ontology is of GO terms; expected --of go, found --of {kind}")
    wanted = set(accessions)
    entries = [entry for entry in read_entry_labels(path, say) if entry.accession in wanted]
    if not entries:
        raise UserError(f"{path}: no protein of the run, such as {accessions[0]}, is in it")
    found = GivenLabels([], [f"{len(entries):,} of {len(wanted):,} proteins are in {path}"])
    columns, about = _columns(entries, kind, ontology)
    for name, column in columns:
        sizes = Counter(column.values())
        if sum(n >= least for n in sizes.values()) >= 2:
            given = [column.get(accession) for accession in accessions]
            found.targets.append(read_target(name, given, is_classes=True))
        else:
            found.notes.append(f"{name}: {', '.join(f'{n:,} {v}' for v, n in sizes.items())}")
    n_rare = len(found.notes) - 1
    found.notes[1:1] = about
    if not found.targets:
        raise UserError(
            f"{path}: no label of {kind} is told by {least} proteins of the run and lacked by as "
            f"many; {len(entries):,} of its proteins are in the file, {n_rare:,} labels too rare"
        )
    if n_rare > 1:
        found.notes[1 + len(about) :] = [
            f"{n_rare:,} labels of {kind} left out: in fewer than {least} proteins"
        ]
    return found


def concept_labels(names: Sequence[str], label_of: Callable[[str], ProteinLabel]) -> GivenLabels:
    """Whether proteins have a concept of the run at any residue.

    Parameters
    ----------
    label_of : function
        As `Run.protein_label`.
    """
    return GivenLabels(
        [Target(name, "yes/no", ("no", "yes"), label_of(name).values) for name in names]
    )


def collect_labels(
    accessions: Sequence[str],
    label_of: Callable[[str], ProteinLabel],
    table: tuple[str | None, Collection[str], Collection[str]],
    uniprot: tuple[str | None, str, str | None],
    concepts: Sequence[str],
    say: Callable[[str], None] = lambda line: None,
) -> GivenLabels:
    """All of these together, as a command line asks for them.

    Parameters
    ----------
    table : tuple
        File, columns and classes of `table_labels`.
    uniprot : tuple
        File, kind and ontology of `uniprot_labels`.
    concepts : sequence of str
        Of `concept_labels`.

    Raises
    ------
    UserError
        If nothing is asked for, or two labels have one name.
    """
    (path, names, classes), (entries, kind, ontology) = table, uniprot
    if ontology and not entries:
        raise UserError("--ontology is of the GO terms of --labels-from; give both")
    parts = [table_labels(path, accessions, names, classes)] if path else []
    parts += [uniprot_labels(entries, kind, accessions, say, ontology=ontology)] if entries else []
    parts += [concept_labels(concepts, label_of)] if concepts else []
    if not parts:
        raise UserError("no labels; give --labels, --labels-from or --concepts")
    targets = [target for part in parts for target in part.targets]
    twice = [name for name, n in Counter(target.name for target in targets).items() if n > 1]
    if twice:
        raise UserError(f"two labels are called {cut(twice[0], 60)}; give one of them another name")
    return GivenLabels(targets, [text for part in parts for text in part.notes])


def _indexed(labels: str | Path | pd.DataFrame, source: str) -> pd.DataFrame:
    if not isinstance(labels, pd.DataFrame):
        return read_label_table(labels)
    table = labels.set_index(ACCESSION) if ACCESSION in labels else labels
    if table.index.has_duplicates:
        twice = cut(str(table.index[table.index.duplicated()][0]), 60)
        raise UserError(f"{source}: {twice} occurs twice; expected a protein in one row")
    return table


def _ec_columns(entries: Iterable[EntryLabels]) -> list[tuple[str, dict[str, str]]]:
    first = {e.accession: {number.partition(".")[0] for number in e.ec} for e in entries}
    return [
        ("enzyme", {name: "yes" if own else "no" for name, own in first.items()}),
        (
            "EC class",
            {name: f"EC {next(iter(own))}" for name, own in first.items() if len(own) == 1},
        ),
    ]


def _columns(
    entries: Sequence[EntryLabels], kind: str, ontology: str | Path | None
) -> tuple[list[tuple[str, dict[str, str]]], list[str]]:
    """Names and values of the labels, and notes on terms."""
    if kind == "ec":
        return _ec_columns(entries), []
    if kind == "keyword":
        return _term_columns({entry.accession: set(entry.keywords) for entry in entries}), []
    if kind == "location":
        return _term_columns({entry.accession: set(entry.locations) for entry in entries}), []
    is_any = kind == "go"
    terms = {
        entry.accession: {(t.id, t.name) for t in entry.go if is_any or t.evidence in EXPERIMENTAL}
        for entry in entries
    }
    terms, notes = with_broader(terms, read_ontology(ontology)) if ontology else (terms, [])
    named = {name: {f"{term} {words}" for term, words in own} for name, own in terms.items()}
    return _term_columns(named), notes


def _term_columns(terms: Mapping[str, set[str]]) -> list[tuple[str, dict[str, str]]]:
    """Yes or no for each term, the commonest first; nothing of proteins without any."""
    own = {name: terms for name, terms in terms.items() if terms}
    counts = Counter(term for terms in own.values() for term in terms)
    return [
        (term, {name: "yes" if term in terms else "no" for name, terms in own.items()})
        for term in sorted(counts, key=lambda term: (-counts[term], term))
    ]
