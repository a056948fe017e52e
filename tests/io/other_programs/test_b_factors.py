import gzip
import io
import re
from pathlib import Path
from typing import Any

import pytest
from Bio.PDB.MMCIF2Dict import MMCIF2Dict
from Bio.PDB.MMCIFParser import MMCIFParser
from Bio.PDB.PDBParser import PDBParser

from protsae.errors import UserError
from protsae.io.other_programs.b_factors import AtomPlace, write_b_factors
from protsae.io.protein_files.structure_files import read_chains
from tests.helpers.shared_data import SHARED
from tests.io.protein_files.test_structure_files import PDB

MMCIF = """\
data_x
_entry.id x
_struct.title 'a title'
#
loop_
_atom_site.group_PDB
_atom_site.id
_atom_site.type_symbol
_atom_site.label_atom_id
_atom_site.label_alt_id
_atom_site.label_comp_id
_atom_site.label_asym_id
_atom_site.label_entity_id
_atom_site.label_seq_id
_atom_site.pdbx_PDB_ins_code
_atom_site.Cartn_x
_atom_site.Cartn_y
_atom_site.Cartn_z
_atom_site.occupancy
_atom_site.B_iso_or_equiv
_atom_site.auth_seq_id
_atom_site.auth_asym_id
_atom_site.pdbx_PDB_model_num
ATOM 1 N N . GLY A 1 1 ? 0.0 0.0 0.0 1.0 11.0 7 H 1
ATOM 2 C CA . GLY A 1 1 ? 1.0 0.0 0.0 1.0 13.0 7 H 1
ATOM 3 N N . TRP A 1 2 A 0.0 1.0 0.0 1.0 17.0 7 H 1
HETATM 4 O O . HOH B 2 . ? 0.0 2.0 0.0 1.0 19.0 101 H 1
#
"""
"""Residues 7 and 7A of chain H, which is A by its label, and water."""

VALUES: dict[AtomPlace, float] = {
    ("A", 1, " ", "GLY"): 0.0,
    ("A", 2, " ", "ALA"): 2.345,
    ("A", 5, " ", "MSE"): 123.4,
    ("B", 7, "A", "TRP"): 0.05,
}
EXPECTED = {("A", 1, " "): 0.0, ("A", 2, " "): 2.35, ("A", 5, " "): 123.4, ("B", 7, "A"): 0.05}


def b_factors(structure: Any) -> dict[tuple[str, int, str], set[float]]:
    """By Bio.PDB, of the first model: those of the atoms of each residue, alternatives too."""
    found: dict[tuple[str, int, str], set[float]] = {}
    for chain in next(iter(structure)):
        for residue in chain:
            place = (chain.id, residue.id[1], residue.id[2])
            found[place] = {round(atom.get_bfactor(), 4) for atom in residue.get_unpacked_list()}
    return found


def test_pdb(tmp_path: Path) -> None:
    """Bio.PDB reads the numbers; all columns but those of B-factors are as they were."""
    source, target = tmp_path / "x.pdb", tmp_path / "y.pdb"
    source.write_text(PDB)
    n_other = write_b_factors(source, target, VALUES, -1.0)
    found = b_factors(PDBParser(QUIET=True).get_structure("x", target))
    others = {place: {-1.0} for place in found if place not in EXPECTED}
    assert found == {place: {value} for place, value in EXPECTED.items()} | others
    assert len(others) == 5  # serine 6, free glutamate, zinc, water, lysine B 7
    assert n_other == 3 + 4 + 1 + 1 + 4
    pairs = list(zip(PDB.splitlines(), target.read_text().splitlines(), strict=True))
    assert all(old[:60] + old[66:] == new[:60] + new[66:] for old, new in pairs)
    assert [
        old for old, new in pairs if not old.startswith(("ATOM", "HETATM")) and old != new
    ] == []
    assert pairs[-3][1][60:66] == "  0.00"  # the second model has the same numbers


def test_a_ligand_with_the_number_of_a_residue_is_another(tmp_path: Path) -> None:
    line = "HETATM   99  C1  HEM A   2       0.000   0.000   9.000  1.00  7.00           C\n"
    source, target = tmp_path / "x.pdb", tmp_path / "y.pdb"
    source.write_text(PDB.replace("TER\n", "TER\n" + line, 1))
    write_b_factors(source, target, VALUES, -1.0)
    [written] = [row for row in target.read_text().splitlines() if " HEM " in row]
    assert written[60:66] == " -1.00"


@pytest.mark.parametrize("number", [1002, -999])
def test_residue_numbers_of_four_columns(tmp_path: Path, number: int) -> None:
    source, target = tmp_path / "x.pdb", tmp_path / "y.pdb"
    source.write_text(PDB.replace("ALA A   2 ", f"ALA A{number} "))
    write_b_factors(source, target, {("A", number, " ", "ALA"): 5.5}, 0.0)
    rows = [line for line in target.read_text().splitlines() if "ALA A" in line]
    assert [line[60:66] for line in rows] == ["  5.50"] * 7


@pytest.mark.parametrize(("value", "text"), [(999.99, "999.99"), (-99.99, "-99.99")])
def test_the_largest_and_smallest_value_of_pdb(tmp_path: Path, value: float, text: str) -> None:
    source, target = tmp_path / "x.pdb", tmp_path / "y.pdb"
    source.write_text(PDB)
    write_b_factors(source, target, {("A", 2, " ", "ALA"): value}, 0.0)
    rows = [line for line in target.read_text().splitlines() if "ALA A" in line]
    assert [line[60:66] for line in rows] == [text] * 7


def test_a_residue_name_has_three_columns(tmp_path: Path) -> None:
    """What stands in the fourth is no part of it, as Bio.PDB reads it."""
    source, target = tmp_path / "x.pdb", tmp_path / "y.pdb"
    source.write_text(PDB.replace("ALA A", "ALAXA"))
    [chain, _] = read_chains(source)
    assert chain.names[1] == {"ALA"}
    write_b_factors(source, target, {("A", 2, " ", "ALA"): 5.5}, 0.0)
    rows = [line for line in target.read_text().splitlines() if "ALAXA" in line]
    assert [line[60:66] for line in rows] == ["  5.50"] * 7


def test_residue_numbers_in_base_36(tmp_path: Path) -> None:
    """As large structures have them: A000 is 10,000."""
    source, target = tmp_path / "x.pdb", tmp_path / "y.pdb"
    source.write_text(PDB.replace("ALA A   2 ", "ALA AA000 "))
    [chain, _] = read_chains(source)
    place = chain.places[chain.letters.index("A")]
    write_b_factors(source, target, {("A", *place, "ALA"): 5.5}, 0.0)
    rows = [line for line in target.read_text().splitlines() if "ALA AA000" in line]
    assert [line[60:66] for line in rows] == ["  5.50"] * 7


def test_mmcif(tmp_path: Path) -> None:
    """Bio.PDB reads the numbers; all other columns hold what they held."""
    source, target = tmp_path / "x.cif", tmp_path / "y.cif.gz"
    source.write_text(MMCIF)
    values = {("H", 7, " ", "GLY"): 0.00123456, ("H", 7, "A", "TRP"): 1234.0}
    assert write_b_factors(source, target, values, -1.0) == 1
    text = gzip.decompress(target.read_bytes()).decode()
    found = b_factors(MMCIFParser(QUIET=True).get_structure("x", io.StringIO(text)))
    expected = {("H", 7, " "): {0.0012}, ("H", 7, "A"): {1234.0}, ("H", 101, " "): {-1.0}}
    assert found == expected
    old, new = MMCIF2Dict(io.StringIO(MMCIF)), MMCIF2Dict(io.StringIO(text))
    assert new["_atom_site.B_iso_or_equiv"] == ["0.001235", "0.001235", "1234", "-1"]
    assert {k: v for k, v in old.items() if "B_iso" not in k} == {
        k: v for k, v in new.items() if "B_iso" not in k
    }


def test_mmcif_without_places_of_authors(tmp_path: Path) -> None:
    """AlphaFold's files lack nothing, but others do: the label columns stand for them."""
    source, target = tmp_path / "x.cif", tmp_path / "y.cif"
    lines = MMCIF.replace("_atom_site.auth_seq_id\n_atom_site.auth_asym_id\n", "")
    source.write_text(re.sub(r" \d+ H 1$", " 1", lines, flags=re.MULTILINE))
    write_b_factors(source, target, {("A", 1, " ", "GLY"): 4.5}, 0.0)
    columns = MMCIF2Dict(target)
    assert columns["_atom_site.B_iso_or_equiv"] == ["4.5", "4.5", "0", "0"]
    assert "_atom_site.auth_seq_id" not in columns


@pytest.mark.parametrize(
    ("target", "value", "line"),
    [
        ("y.cif", 1.0, "is no file of that format; expected a name that ends in .pdb or .ent"),
        ("y.txt", 1.0, "no structure by its name; expected one that ends in .pdb, .ent, .cif"),
        ("y.pdb", -100.0, "-100 does not fit the B-factor of a PDB file; expected at most 999.99"),
        ("y.pdb", 1000.0, "1000 does not fit the B-factor of a PDB file; expected at most 999.99"),
    ],
)
def test_what_cannot_be_written(tmp_path: Path, target: str, value: float, line: str) -> None:
    source = tmp_path / "x.pdb"
    source.write_text(PDB)
    with pytest.raises(UserError, match=re.escape(line)):
        write_b_factors(source, tmp_path / target, {("A", 1, " ", "GLY"): value}, 0.0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.pdb"]


def test_gemmi_reads_the_same(tmp_path: Path) -> None:
    gemmi = pytest.importorskip("gemmi")
    for name, text, place in (("x.pdb", PDB, ("A", 2, " ", "ALA")), ("x.cif", MMCIF, None)):
        source, target = tmp_path / name, tmp_path / f"y{name}"
        source.write_text(text)
        write_b_factors(source, target, {place or ("H", 7, "A", "TRP"): 2.5}, -1.0)
        found = gemmi.read_structure(str(target))[0]
        values = {atom.b_iso for chain in found for residue in chain for atom in residue}
        assert values == {2.5, -1.0}


@pytest.mark.skipif(not (SHARED / "structures").is_dir(), reason="no shared structures")
@pytest.mark.parametrize("name", ["1PGA.cif", "1LCD.pdb", "1aki.pdb", "2BEG.pdb", "3bwm.pdb"])
def test_real_structures_keep_all_else(tmp_path: Path, name: str) -> None:
    """gemmi's reading of every atom, before and after."""
    gemmi = pytest.importorskip("gemmi")
    source, target = SHARED / "structures" / name, tmp_path / name
    chain = read_chains(source)[0]
    values = {
        (chain.name, *place, residue): float(number)
        for number, (place, names) in enumerate(zip(chain.places, chain.names, strict=True))
        for residue in names
    }
    n_other = write_b_factors(source, target, values, -1.0)

    def atoms(path: Path) -> list[tuple[Any, float]]:
        return [
            (
                (model.num, own.name, str(r.seqid), r.name, a.name, a.altloc, *a.pos.tolist()),
                a.b_iso,
            )
            for model in gemmi.read_structure(str(path))
            for own in model
            for r in own
            for a in r
        ]

    old, new = atoms(source), atoms(target)
    assert [atom for atom, _ in old] == [atom for atom, _ in new]
    assert sum(value == -1.0 for _, value in new) == n_other < len(new)
    assert {value for _, value in new} - {-1.0} == set(range(len(chain.letters)))
