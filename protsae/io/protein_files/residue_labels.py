"""Labels of residues from files: JSON lines, one record per protein; format in docs/labels.md."""

import gzip
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from protsae.concepts.label_sets import UNKNOWN, LabelSet
from protsae.errors import UserError
from protsae.io.atomic import atomic_path
from protsae.io.text_files import open_text, read_lines
from protsae.io.uniprot.uniprot_json import why_not_json
from protsae.one_line import one_line, shown
from protsae.proteins.filters import clean_sequence
from protsae.proteins.records import FEATURE_TYPES

FORMAT = "protsae-labels"
FORMAT_VERSION = 1
UNKNOWN_LETTERS = "?U"
"""Letters that say nothing of a residue, unless a header says otherwise."""

_RESERVED = {"residue", "class", "position", "composition", "motif", *FEATURE_TYPES}
_EXPECTED = 'expected {"accession": ..., "sequence": ..., "labels": ...} (docs/labels.md)'

NOT_IN_TABLE = "not among the proteins"
OTHER_SEQUENCE = "another sequence than the protein's"


@dataclass
class _Set:
    """What is known of a set while files are read."""

    source: str
    letters: dict[str, str] | None = None
    unknown: str = UNKNOWN_LETTERS
    records: dict[str, tuple[str, str]] = field(default_factory=dict)


def read_label_sets(
    paths: Sequence[str | Path],
    sequences: Mapping[str, str],
    say: Callable[[str], None] = lambda line: None,
) -> tuple[list[LabelSet], dict[str, Counter[str]]]:
    """Sets of labels, in the order in which the files first name them.

    A record belongs to the protein of its accession, or, if there is none, to all proteins of
    its sequence.

    Parameters
    ----------
    sequences : mapping of str to str
        The proteins, by accession; others are left out.
    say : function
        As of `open_text`.

    Returns
    -------
    sets : list of LabelSet
    left_out : dict of str to Counter
        By set, number of records without a protein, by reason.

    Raises
    ------
    UserError
        Naming file and line, for a record that is not of the format, labels that do not fit their
        sequence, or a protein that a set labels twice and differently.
    """
    by_sequence: dict[str, list[str]] = {}
    for accession, sequence in sequences.items():
        by_sequence.setdefault(sequence, []).append(accession)
    sets: dict[str, _Set] = {}
    left_out: dict[str, Counter[str]] = {}
    for path in paths:
        file = one_line(Path(path).name)
        for where, row in _rows(path, say):
            if "format" in row:
                _declare(row, sets, where, file)
                continue
            name = _text(row, "set", where, _stem(path))
            _check_name(name, where)
            found = sets.setdefault(name, _Set(file))
            row = _cleaned(row, where)
            record = _record(row, where, found)
            accessions, reason = _proteins(row, where, len(record[0]), sequences, by_sequence)
            if reason:
                left_out.setdefault(name, Counter())[reason] += 1
            for accession in accessions:
                if found.records.setdefault(accession, record) != record:
                    raise UserError(
                        f"{where}: {accession} has other labels of {name!r} already; expected one "
                        "record for each protein and set"
                    )
    counts = {name: left_out.get(name, Counter()) for name in sets}
    return [_label_set(name, found) for name, found in sets.items()], counts


def write_labels(path: str | Path, headers: Iterable[Any], records: Iterable[Any]) -> None:
    """Write headers and records, each a JSON object; gzipped if the path ends in ``.gz``.

    Parameters
    ----------
    headers : iterable of mappings
        Without format and version, which are added.
    """
    marked = [{"format": FORMAT, "format_version": FORMAT_VERSION, **row} for row in headers]
    lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in (*marked, *records))
    with atomic_path(path) as temporary:
        if str(path).endswith(".gz"):
            # No name and no time in the header: equal labels give equal bytes.
            with temporary.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, 0) as packed:
                packed.writelines(line.encode() for line in lines)
        else:
            with temporary.open("w") as handle:
                handle.writelines(lines)


def _rows(path: str | Path, say: Callable[[str], None]) -> Iterator[tuple[str, dict[str, Any]]]:
    with open_text(path, "labels, JSON lines, plain or gzipped", say) as lines:
        for number, line in read_lines(lines, str(path)):
            where = f"{path}: line {number}"
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise UserError(f"{where}: not JSON ({why_not_json(error)}); {_EXPECTED}") from None
            if not isinstance(row, dict):
                raise UserError(f"{where}: found {line.strip()[:40]!r}; {_EXPECTED}")
            yield where, row


def _declare(row: dict[str, Any], sets: dict[str, _Set], where: str, file: str) -> None:
    version = (row["format"], row.get("format_version"))
    if version != (FORMAT, FORMAT_VERSION):
        raise UserError(
            f"{where}: format {shown(version[0])}, version {shown(version[1])}; expected "
            f"{FORMAT!r}, version {FORMAT_VERSION}"
        )
    name = _text(row, "set", where)
    _check_name(name, where)
    if name in sets:
        raise UserError(f"{where}: set {name!r} is declared twice, or after its first record")
    letters = _classes(row.get("classes"), where)
    unknown = _text(row, "unknown", where, UNKNOWN_LETTERS)
    sets[name] = _Set(one_line(_text(row, "source", where, file)), letters, unknown)


def _classes(found: object, where: str) -> dict[str, str]:
    """Names of classes by letter, each in one line."""
    expected = 'expected an object of letter and name, such as {"H": "helix", "E": "strand"}'
    if not isinstance(found, dict):
        raise UserError(f"{where}: classes is {shown(found)}; {expected}")
    for letter, name in found.items():
        if not (len(letter) == 1 and letter.isascii() and letter.isprintable()):
            raise UserError(
                f"{where}: classes has {shown(letter)} as a letter; expected a printable one of "
                "ASCII; write another letter, in the labels, too"
            )
        if not (isinstance(name, str) and name.strip()):
            raise UserError(f"{where}: class {letter!r} is {shown(name)}; {expected}")
    return {letter: one_line(name) for letter, name in found.items()}


def _check_name(name: str, where: str) -> None:
    if name in _RESERVED or ":" in name or not name.strip() or not name.isprintable():
        raise UserError(
            f"{where}: set {shown(name)} is the name of other concepts, empty or has a ':' or "
            "what cannot be printed; rename it"
        )


def _cleaned(row: dict[str, Any], where: str) -> dict[str, Any]:
    """The record with its sequence as fetch cleans it; a final ``*`` loses its label, too."""
    sequence, changed = clean_sequence(_text(row, "sequence", where, ""))
    cleaned = {**row, "sequence": sequence}
    if "final * removed" in changed:
        for key in ("labels", "mask", "resolved_mask"):
            if isinstance(row.get(key), str) and len(row[key]) == len(sequence) + 1:
                cleaned[key] = row[key][:-1]
    return cleaned


def _record(row: dict[str, Any], where: str, found: _Set) -> tuple[str, str]:
    """Labels and mask of a record; the mask is empty if all residues count."""
    labels = _text(row, "labels", where)
    mask = _text(row, "mask" if "mask" in row else "resolved_mask", where, "")
    if mask and len(mask) != len(labels):
        raise UserError(f"{where}: mask of {len(mask)} characters for {len(labels)} labels")
    if strange := set(mask) - set("01"):
        raise UserError(f"{where}: mask holds {min(strange)!r}; expected 1 (known) and 0 (unknown)")
    if not (labels.isascii() and labels.isprintable()):
        wrong = next(c for c in labels if not (c.isascii() and c.isprintable()))
        raise UserError(
            f"{where}: label {labels.index(wrong) + 1} is {wrong!r}; expected printable characters "
            "of ASCII, one a residue"
        )
    known = set(found.letters or labels) | set(found.unknown)
    if strange := set(labels) - known:
        raise UserError(
            f"{where}: label {min(strange)!r}; expected one of {shown(''.join(sorted(known)))}, as "
            "its set's header says"
        )
    return labels, mask


def _proteins(
    row: dict[str, Any],
    where: str,
    n_labels: int,
    sequences: Mapping[str, str],
    by_sequence: Mapping[str, list[str]],
) -> tuple[list[str], str]:
    """Proteins that a record labels; if none, why."""
    accession, sequence = (_text(row, key, where, "") for key in ("accession", "sequence"))
    if not (accession or sequence):
        raise UserError(f"{where}: neither accession nor sequence; {_EXPECTED}")
    expected = sequence or sequences.get(accession, "")
    if expected and len(expected) != n_labels:
        raise UserError(f"{where}: {n_labels} labels for a sequence of {len(expected)} residues")
    if accession in sequences:
        same = not sequence or sequence == sequences[accession]
        return ([accession], "") if same else ([], OTHER_SEQUENCE)
    found = by_sequence.get(sequence, [])
    return found, "" if found else NOT_IN_TABLE


def _label_set(name: str, found: _Set) -> LabelSet:
    letters = found.letters
    if letters is None:
        used = set().union(*(labels for labels, _ in found.records.values()))
        letters = {letter: letter for letter in sorted(used - set(found.unknown))}
    classes = tuple(dict.fromkeys(letters.values()))
    table = np.full(128, UNKNOWN, dtype=np.uint8)
    for letter, text in letters.items():
        table[ord(letter)] = classes.index(text) + 1
    codes = {}
    for accession, (labels, mask) in found.records.items():
        codes[accession] = table[np.frombuffer(labels.encode("ascii"), dtype=np.uint8)]
        if mask:
            codes[accession][np.frombuffer(mask.encode("ascii"), np.uint8) == ord("0")] = UNKNOWN
    return LabelSet(name, classes, found.source, codes)


def _text(row: dict[str, Any], key: str, where: str, default: str | None = None) -> str:
    """Value of a key that holds text; null counts as missing."""
    value = row.get(key)
    if value is None and default is not None:
        return default
    if not isinstance(value, str):
        found = "no" if value is None else f"{shown(value)} as"
        raise UserError(f"{where}: {found} {key!r}; {_EXPECTED}")
    return value


def _stem(path: str | Path) -> str:
    """Name of a file without its extensions."""
    return Path(path).name.split(".")[0]
