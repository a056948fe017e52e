"""Labels of residues from files: JSON lines, one record per protein; format in docs/labels.md."""

import gzip
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from protsae.concepts.label_sets import UNKNOWN, LabelSet
from protsae.errors import UserError
from protsae.io.atomic import atomic_path
from protsae.io.protein_files import open_text
from protsae.proteins import FEATURE_TYPES

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
    paths: Sequence[str | Path], sequences: Mapping[str, str]
) -> tuple[list[LabelSet], dict[str, Counter[str]]]:
    """Sets of labels, in the order in which the files first name them.

    A record belongs to the protein of its accession, or, if there is none, to all proteins of
    its sequence.

    Parameters
    ----------
    sequences : mapping of str to str
        The proteins, by accession; others are left out.

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
        for where, row in _rows(path):
            if "format" in row:
                _declare(row, sets, where, Path(path).name)
                continue
            name = _text(row, "set", where, _stem(path))
            _check_name(name, where)
            found = sets.setdefault(name, _Set(Path(path).name))
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


def _rows(path: str | Path) -> Iterator[tuple[str, dict[str, Any]]]:
    with open_text(path, "labels, JSON lines, plain or gzipped") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            where = f"{path}: line {number}"
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                raise UserError(f"{where}: not JSON ({error.msg}); {_EXPECTED}") from None
            if not isinstance(row, dict):
                raise UserError(f"{where}: found {line.strip()[:40]!r}; {_EXPECTED}")
            yield where, row


def _declare(row: dict[str, Any], sets: dict[str, _Set], where: str, file: str) -> None:
    version = (row["format"], row.get("format_version"))
    if version != (FORMAT, FORMAT_VERSION):
        raise UserError(
            f"{where}: format {version[0]!r}, version {version[1]!r}; expected {FORMAT!r}, "
            f"version {FORMAT_VERSION}"
        )
    name = _text(row, "set", where)
    _check_name(name, where)
    if name in sets:
        raise UserError(f"{where}: set {name!r} is declared twice, or after its first record")
    letters = row.get("classes")
    if not isinstance(letters, dict) or not all(
        len(letter) == 1 and isinstance(text, str) and text for letter, text in letters.items()
    ):
        raise UserError(
            f"{where}: classes is {letters!r}; expected an object of letter and name, such as "
            '{"H": "helix", "E": "strand"}'
        )
    unknown = _text(row, "unknown", where, UNKNOWN_LETTERS)
    sets[name] = _Set(_text(row, "source", where, file), letters, unknown)


def _check_name(name: str, where: str) -> None:
    if name in _RESERVED or ":" in name or not name.strip():
        raise UserError(
            f"{where}: set {name!r} is the name of other properties, empty or has a ':'; rename it"
        )


def _record(row: dict[str, Any], where: str, found: _Set) -> tuple[str, str]:
    """Labels and mask of a record; the mask is empty if all residues count."""
    labels = _text(row, "labels", where)
    mask = _text(row, "mask" if "mask" in row else "resolved_mask", where, "")
    if mask and len(mask) != len(labels):
        raise UserError(f"{where}: mask of {len(mask)} characters for {len(labels)} labels")
    if strange := set(mask) - set("01"):
        raise UserError(f"{where}: mask holds {min(strange)!r}; expected 1 (known) and 0 (unknown)")
    if not labels.isascii():
        raise UserError(f"{where}: labels hold a character outside ASCII")
    known = set(found.letters or labels) | set(found.unknown)
    if strange := set(labels) - known:
        raise UserError(
            f"{where}: label {min(strange)!r}; expected one of {''.join(sorted(known))!r}, as its "
            "set's header says"
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
        found = "no" if value is None else f"{value!r} as"
        raise UserError(f"{where}: {found} {key!r}; {_EXPECTED}")
    return value


def _stem(path: str | Path) -> str:
    """Name of a file without its extensions."""
    return Path(path).name.split(".")[0]
