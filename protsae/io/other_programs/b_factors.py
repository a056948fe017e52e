"""Structures with numbers of ours in place of B-factors; all else is as it was."""

import gzip
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from Bio.PDB.MMCIF2Dict import MMCIF2Dict
from Bio.PDB.mmcifio import MMCIFIO

from protsae.errors import UserError
from protsae.io.atomic import atomic_path
from protsae.io.protein_files.structure_files import (
    PARSERS,
    decimal_line,
    extension,
    fill_columns,
)
from protsae.io.text_files import open_text

AtomPlace = tuple[str, int, str, str]
"""Chain, residue number, insertion code (a blank if there is none) and name of the residue."""

PDB, MMCIF = (".pdb", ".ent"), (".cif", ".mmcif")

LARGEST_IN_PDB, SMALLEST_IN_PDB = 999.99, -99.99
"""What six columns hold with two decimals."""

_B = "_atom_site.B_iso_or_equiv"


def structure_kind(path: str | Path) -> tuple[str, ...]:
    """Extensions of the format of a structure file: `PDB` or `MMCIF`.

    Raises
    ------
    UserError
        If the name has none of them.

    Examples
    --------
    >>> structure_kind("1pga.cif.gz")
    ('.cif', '.mmcif')
    """
    ending = extension(Path(path))
    if ending not in PARSERS:
        raise UserError(
            f"{path}: no structure by its name; expected one that ends in {', '.join(PARSERS)}, "
            "plain or .gz"
        )
    return PDB if ending in PDB else MMCIF


def write_b_factors(
    source: str | Path, target: str | Path, values: Mapping[AtomPlace, float], other: float
) -> int:
    """Copy a structure, with a number for each residue as the B-factor of its atoms.

    PDB is copied line by line, and two decimals are kept; mmCIF column by column, with four digits
    and without comments. Every model of the file gets the same numbers.

    Parameters
    ----------
    source : path
        A file that `read_chains` has read.
    target : path
        Of the same format; packed if its name ends in .gz.
    values : mapping
        By residue.
    other : float
        For the atoms of all other residues.

    Returns
    -------
    int
        Atoms with ``other``.

    Raises
    ------
    UserError
        If the formats differ, or a PDB file cannot hold a number.
    """
    kind = structure_kind(source)
    if structure_kind(target) != kind:
        raise UserError(
            f"{target}: {source} is no file of that format; expected a name that ends in "
            f"{' or '.join(kind)}"
        )
    if kind == PDB:
        for value in (*values.values(), other):
            if not SMALLEST_IN_PDB <= value <= LARGEST_IN_PDB:
                raise UserError(
                    f"{target}: {value:.6g} does not fit the B-factor of a PDB file; expected at "
                    f"most {LARGEST_IN_PDB}; ask for percent, or give mmCIF"
                )
    with open_text(source, "a PDB or mmCIF file") as handle:
        text = handle.read()
    made, n_other = (_pdb if kind == PDB else _mmcif)(text, values, other)
    packed = gzip.compress(made.encode(), mtime=0) if str(target).endswith(".gz") else made.encode()
    with atomic_path(target) as temporary:
        temporary.write_bytes(packed)
    return n_other


def _pdb(text: str, values: Mapping[AtomPlace, float], other: float) -> tuple[str, int]:
    lines, n_other = [], 0
    for line in text.splitlines(keepends=True):
        if line.startswith(("ATOM  ", "HETATM")):
            told = decimal_line(line)
            place = (told[21], int(told[22:26]), told[26], told[17:20].strip())
            n_other += place not in values
            whole = f"{line.rstrip():<66}"
            line = f"{whole[:60]}{values.get(place, other):6.2f}{whole[66:]}\n"
        lines.append(line)
    return "".join(lines), n_other


def _mmcif(text: str, values: Mapping[AtomPlace, float], other: float) -> tuple[str, int]:
    columns: dict[str, Any] = MMCIF2Dict(io.StringIO(text))
    filled = {key: list(column) for key, column in columns.items() if key.startswith("_atom_site.")}
    fill_columns(filled)
    keys = ("auth_asym_id", "auth_seq_id", "pdbx_PDB_ins_code", "label_comp_id")
    places = zip(*(filled[f"_atom_site.{key}"] for key in keys), strict=True)
    made, n_other = [], 0
    for chain, number, code, name in places:
        place = (chain, _number(number), " " if code in ("?", ".") else code, name)
        n_other += place not in values
        made.append(f"{values.get(place, other):.4g}")
    writer, file = MMCIFIO(), io.StringIO()
    writer.set_dict({**columns, _B: made})
    writer.save(file)
    return file.getvalue(), n_other


def _number(text: str) -> int:
    """Of a residue; what has none is no amino acid of a chain."""
    return int(text) if text.lstrip("-").isdigit() else _NO_NUMBER


_NO_NUMBER = -(2**31)
