import gzip
from pathlib import Path

import pytest

from protsae.errors import UserError
from protsae.io.protein_files.structure_files import (
    decimal_line,
    read_chains,
    read_structure,
    structure_files,
)

# Residues 1, 2 (two places of CB, a hydrogen), 5 (selenomethionine), 6 (no O); then a free
# glutamate, a zinc and water; chain B has one residue and an insertion after it.
PDB = """\
MODEL        1
ATOM      1  N   GLY A   1       0.000   0.000   0.000  1.00  0.00           N
ATOM      2  CA  GLY A   1       1.000   0.000   0.000  1.00  0.00           C
ATOM      3  C   GLY A   1       2.000   0.000   0.000  1.00  0.00           C
ATOM      4  O   GLY A   1       3.000   0.000   0.000  1.00  0.00           O
ATOM      5  N   ALA A   2       0.000   1.000   0.000  1.00  0.00           N
ATOM      6  CA  ALA A   2       1.000   1.000   0.000  1.00  0.00           C
ATOM      7  C   ALA A   2       2.000   1.000   0.000  1.00  0.00           C
ATOM      8  O   ALA A   2       3.000   1.000   0.000  1.00  0.00           O
ATOM      9  CB AALA A   2       7.000   1.000   0.000  0.30  0.00           C
ATOM     10  CB BALA A   2       9.000   1.000   0.000  0.70  0.00           C
ATOM     11  H   ALA A   2       5.000   1.000   0.000  1.00  0.00           H
HETATM   12  N   MSE A   5       0.000   2.000   0.000  1.00  0.00           N
HETATM   13  CA  MSE A   5       1.000   2.000   0.000  1.00  0.00           C
HETATM   14  C   MSE A   5       2.000   2.000   0.000  1.00  0.00           C
HETATM   15  O   MSE A   5       3.000   2.000   0.000  1.00  0.00           O
HETATM   16 SE   MSE A   5       4.000   2.000   0.000  1.00  0.00          SE
ATOM     17  N   SER A   6       0.000   3.000   0.000  1.00  0.00           N
ATOM     18  CA  SER A   6       1.000   3.000   0.000  1.00  0.00           C
ATOM     19  C   SER A   6       2.000   3.000   0.000  1.00  0.00           C
TER
HETATM   20  N   GLU A 101       0.000   8.000   0.000  1.00  0.00           N
HETATM   21  CA  GLU A 101       1.000   8.000   0.000  1.00  0.00           C
HETATM   22  C   GLU A 101       2.000   8.000   0.000  1.00  0.00           C
HETATM   23  O   GLU A 101       3.000   8.000   0.000  1.00  0.00           O
HETATM   24 ZN    ZN A 102       0.000   9.000   0.000  1.00  0.00          ZN
HETATM   25  O   HOH A 103       0.000   9.500   0.000  1.00  0.00           O
ATOM     26  N   LYS B   7       0.000   0.000   5.000  1.00  0.00           N
ATOM     27  CA  LYS B   7       1.000   0.000   5.000  1.00  0.00           C
ATOM     28  C   LYS B   7       2.000   0.000   5.000  1.00  0.00           C
ATOM     29  O   LYS B   7       3.000   0.000   5.000  1.00  0.00           O
ATOM     30  N   TRP B   7A      0.000   0.000   6.000  1.00  0.00           N
ATOM     31  CA  TRP B   7A      1.000   0.000   6.000  1.00  0.00           C
ATOM     32  C   TRP B   7A      2.000   0.000   6.000  1.00  0.00           C
ATOM     33  O   TRP B   7A      3.000   0.000   6.000  1.00  0.00           O
ENDMDL
MODEL        2
ATOM      1  N   GLY A   1       0.000   0.000   0.000  1.00  0.00           N
ENDMDL
END
"""


def test_a_small_structure(tmp_path: Path) -> None:
    path = tmp_path / "x.pdb"
    path.write_text(PDB)
    residues = read_structure(path)
    assert [(r.chain, r.letter, r.name) for r in residues] == [
        ("A", "G", "GLY"),
        ("A", "A", "ALA"),
        ("A", "M", "MSE"),
        ("B", "K", "LYS"),
        ("B", "W", "TRP"),
    ]
    alanine = residues[1]
    assert alanine.atoms == ("N", "CA", "C", "O", "CB")
    assert alanine.elements == ("N", "C", "C", "O", "C")
    assert alanine.positions[-1].tolist() == [9, 1, 0]


def test_gzip_is_the_same(tmp_path: Path) -> None:
    path = tmp_path / "x.ent.gz"
    path.write_bytes(gzip.compress(PDB.encode()))
    assert [residue.letter for residue in read_structure(path)] == list("GAMKW")


def test_a_file_without_protein(tmp_path: Path) -> None:
    path = tmp_path / "x.pdb"
    path.write_text(
        "HETATM   25  O   HOH A 103       0.000   9.500   0.000  1.00  0.00           O\n"
    )
    assert read_structure(path) == []


def test_a_file_that_is_no_structure(tmp_path: Path) -> None:
    path = tmp_path / "x.cif"
    path.write_text("MKV\n")
    with pytest.raises(UserError, match=r"x\.cif: not a PDB or mmCIF file: "):
        read_structure(path)


def test_the_longest_file(tmp_path: Path) -> None:
    """Of zeros, which take no place on a disk."""
    path = tmp_path / "x.pdb"
    with path.open("wb") as file:
        file.truncate(134_217_728)
    assert read_structure(path) == []
    with path.open("ab") as file:
        file.truncate(134_217_729)
    with pytest.raises(UserError, match=r"x\.pdb: more than 134,217,728 characters; expected a "):
        read_structure(path)


def test_files_of_a_folder(tmp_path: Path) -> None:
    for name in ("b.pdb", "a.CIF.gz", "notes.txt", "c.fasta", "._b.pdb", ".c.cif"):
        (tmp_path / name).touch()
    assert [path.name for path in structure_files(tmp_path)] == ["a.CIF.gz", "b.pdb"]


def test_a_folder_without_structures(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no structures; expected files with \.pdb, \.ent"):
        structure_files(tmp_path)
    with pytest.raises(UserError, match="no such folder"):
        structure_files(tmp_path / "x")


COLUMNS = ("group_PDB", "id", "type_symbol", "label_atom_id", "label_alt_id", "label_comp_id")
COLUMNS += ("label_asym_id", "label_seq_id", "auth_asym_id", "auth_seq_id", "pdbx_PDB_ins_code")
COLUMNS += ("Cartn_x", "Cartn_y", "Cartn_z", "occupancy", "B_iso_or_equiv", "pdbx_PDB_model_num")


def mmcif(numbers: tuple[str, ...], without: tuple[str, ...] = ()) -> str:
    """Glycines of these residue numbers, with the columns of the PDB but for some."""
    rows = []
    for place, number in enumerate(numbers):
        for name, x in (("N", 0), ("CA", 1), ("C", 2), ("O", 3)):
            values = ("ATOM", len(rows) + 1, name[0], name, ".", "GLY", "A", place + 1, "B", number)
            values = (*values, "?", x, place, 0, "1.0", "0.0", 1)
            given = zip(COLUMNS, values, strict=True)
            rows.append(" ".join(str(v) for c, v in given if c not in without))
    header = [f"_atom_site.{name}" for name in COLUMNS if name not in without]
    return "\n".join(["data_x", "loop_", *header, *rows, "#", ""])


OPTIONAL = ("occupancy", "B_iso_or_equiv", "pdbx_PDB_ins_code", "pdbx_PDB_model_num")


@pytest.mark.parametrize(
    ("without", "chain"),
    [
        ((), "B"),
        *(((name,), "B") for name in OPTIONAL),
        (("label_alt_id",), "B"),
        (("auth_asym_id", "auth_seq_id"), "A"),
        ((*OPTIONAL, "label_alt_id", "auth_asym_id", "auth_seq_id"), "A"),
    ],
)
def test_columns_that_a_mmcif_file_may_lack(
    tmp_path: Path, without: tuple[str, ...], chain: str
) -> None:
    path = tmp_path / "x.cif"
    path.write_text(mmcif(("4", "5", "9"), without))
    assert [(r.chain, r.letter) for r in read_structure(path)] == [(chain, "G")] * 3


def test_a_residue_number_with_its_insertion_code(tmp_path: Path) -> None:
    path = tmp_path / "x.cif"
    path.write_text(mmcif(("20", "20A", "-1B", "21")))
    assert len(read_structure(path)) == 4


@pytest.mark.parametrize("number", ["x", "1.5", "A20"])
def test_a_residue_number_that_is_none(tmp_path: Path, number: str) -> None:
    path = tmp_path / "x.cif"
    path.write_text(mmcif(("20", number)))
    with pytest.raises(UserError, match=rf"^{path}: not a PDB or mmCIF file: "):
        read_structure(path)


@pytest.mark.parametrize(
    ("number", "code", "expected"),
    [
        pytest.param("9999", " ", None, id="decimal"),
        pytest.param("A000", " ", (10_000, 32), id="first of base 36"),
        pytest.param("A01B", "C", (10_047, 67), id="with an insertion code"),
        pytest.param("ZZZZ", " ", (10_000 + 26 * 36**3 - 1, 32), id="last of capitals"),
        pytest.param("a000", " ", (10_000 + 26 * 36**3, 32), id="first of small letters"),
        pytest.param("zzzz", " ", (10_000 + 52 * 36**3 - 1, 32), id="last"),
        pytest.param("A000", "é", (10_000, 127), id="a code that is no ASCII"),
    ],
)
def test_a_number_in_base_36_is_spread_over_number_and_code(
    number: str, code: str, expected: tuple[int, int] | None
) -> None:
    """Ten thousands in steps of 128 from 256 on, beside the code's own number."""
    line = f"ATOM      1  CA  ALA A{number}{code}   1.0"
    found = decimal_line(line)
    assert (found[:22], found[27:]) == (line[:22], line[27:])
    if expected is None:
        assert found == line
    else:
        value, own = expected
        assert int(found[22:26]) == value % 10_000
        assert ord(found[26]) == 256 + 128 * (value // 10_000) + own


def test_numbers_in_base_36(tmp_path: Path) -> None:
    names = {1: "9999", 2: "A000", 5: "A001", 6: "zzzz", 7: "a000"}
    lines = [
        f"{line[:22]}{names[int(line[22:26])]:>4}{line[26:]}" if "ATOM" in line[:6] else line
        for line in PDB.splitlines(keepends=True)
        if line.startswith(("ATOM", "TER"))
    ]
    path = tmp_path / "x.pdb"
    path.write_text("".join(lines).replace("ATOM      1", "ATOM  A0000"))
    assert [(residue.chain, residue.letter) for residue in read_structure(path)] == [
        ("A", "G"),
        ("A", "A"),
        ("B", "K"),
        ("B", "W"),
    ]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        pytest.param(
            "   1.000   1.000   0.000",
            "   0.000   1.000   0.000",
            "chain 'A', a residue 'ALA': an atom lies where another does; expected 0.001 angstroms "
            "between them or more; remove one",
            id="two-atoms-in-one-place",
        ),
        pytest.param(
            "   1.000   1.000   0.000",
            "     nan   1.000   0.000",
            "chain 'A', a residue 'ALA': a coordinate is not finite; expected angstroms; correct "
            "it",
            id="not-finite",
        ),
        pytest.param(
            " CB AALA A   2       7.000   1.000   0.000  0.30  0.00           C",
            " ?? AALA A   2       7.000   1.000   0.000  0.30  0.00            ",
            "chain 'A', a residue 'ALA': element of atom '??' is 'X'; expected a chemical one; "
            "correct it",
            id="no-element",
        ),
        pytest.param(
            "   1.000   1.000   0.000",
            "           1.000   0.000",
            "not a PDB or mmCIF file: Invalid or missing coordinate(s) at line 7.",
            id="no-coordinate",
        ),
    ],
)
def test_atoms_that_cannot_be(tmp_path: Path, old: str, new: str, problem: str) -> None:
    path = tmp_path / "x.pdb"
    path.write_text(PDB.replace(old, new))
    with pytest.raises(UserError) as caught:
        read_structure(path)
    assert str(caught.value) == f"{path}: {problem}"


def test_arsenic_is_an_element(tmp_path: Path) -> None:
    path = tmp_path / "x.pdb"
    path.write_text(
        PDB.replace("SE   MSE", "AS   CAS").replace("MSE", "CAS").replace("SE\n", "AS\n")
    )
    assert [residue.letter for residue in read_structure(path)] == list("GACKW")


def test_elements_that_a_file_does_not_state(tmp_path: Path) -> None:
    path = tmp_path / "x.cif"
    path.write_text(mmcif(("1",), without=("type_symbol",)))
    assert [residue.elements for residue in read_structure(path)] == [("N", "C", "C", "O")]


def test_a_backbone_of_deuterium_is_none(tmp_path: Path) -> None:
    path = tmp_path / "x.pdb"
    path.write_text(PDB.replace("0.00           N", "0.00           D", 1))
    assert [residue.letter for residue in read_structure(path)] == list("AMKW")


def test_names_of_a_residue_that_is_one_amino_acid_here_and_another_there(tmp_path: Path) -> None:
    rows = [
        f"ATOM      1  {atom:3}{residue} A{number:4}    {x:7.3f}   0.000   0.000  0.50  0.00"
        f"           {atom[0]}\n"
        for number, residues in ((2, ["AALA", "BSER"]), (3, [" GLY"]))
        for residue in residues
        for x, atom in enumerate(("N", "CA", "C", "O"))
    ]
    path = tmp_path / "x.pdb"
    path.write_text("".join(rows))
    [chain] = read_chains(path)
    assert chain.places == ((2, " "), (3, " "))
    assert chain.names == ({"ALA", "SER"}, {"GLY"})
