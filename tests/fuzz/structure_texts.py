"""Grammars of protein structures: PDB and mmCIF files of an ideal helix, with odd atoms."""

from collections.abc import Sequence

from hypothesis import strategies as st

from tests.concepts.ideal_chain import HELIX, ideal_chain, pdb_text

LETTERS = "AGAAGAAAGAAGGA"
CHAIN = ideal_chain(LETTERS, HELIX)
PDB = pdb_text(CHAIN, list(range(1, len(LETTERS) + 1)))

_FIELDS = {
    "serial": (slice(6, 11), ["A0000", "*****", "99999", "     ", "   -1"]),
    "atom": (slice(12, 16), [" CA ", " N  ", "    ", " HA ", "CA  ", " OXT", "\u03b1\u03b2  "]),
    "altloc": (slice(16, 17), ["A", "B", "1"]),
    "residue": (slice(17, 20), ["MSE", "XXX", "HOH", "   ", "ALA", "DA ", "UNK"]),
    "chain": (slice(21, 22), [" ", "B", "1", "\t"]),
    "number": (slice(22, 26), ["A000", "a00Z", "****", "-999", "    ", "9999", "1.5 "]),
    "code": (slice(26, 27), ["A", "1"]),
    "x": (slice(30, 38), ["     nan", "     inf", "********", "        ", "9999.999", "    1e30"]),
    "y": (slice(38, 46), ["   0.000", "  -1e300", "-999.999"]),
    "occupancy": (slice(54, 60), ["      ", "  nan ", " -1.00", "xxxxxx", "  0.00"]),
    "b": (slice(60, 66), ["      ", "******", "   inf"]),
    "element": (slice(76, 78), ["  ", "ZZ", "X ", " D", "SE", "**"]),
}
"""Columns of an atom, and what is not expected there."""

_LINES = (
    *("MODEL        x\n", "MODEL 1\n", "ENDMDL\n", "TER\n", "END\n", "HEADER\n", "ANISOU\n"),
    *("HETATM\n", "ATOM\n", "REMARK 465\n", "SEQRES\n", "SIGATM\n", "MASTER\n", "CRYST1 x\n"),
    *("REMARK 465   ALA A   1\n", "HEADER    " + "x" * 60 + "\n", "COMPND    MOL_ID: 1\n"),
)


@st.composite
def pdb(draw: st.DrawFn) -> bytes:
    """The helix with a field of some atoms changed, all atoms in one place, or odd lines."""
    lines = PDB.splitlines(keepends=True)
    for _ in range(draw(st.integers(0, 3))):
        place, choices = draw(st.sampled_from(list(_FIELDS.values())))
        text = draw(st.sampled_from(choices))
        first = draw(st.integers(0, len(lines) - 2))
        last = draw(st.sampled_from([first + 1, first + 5, len(lines) - 1]))
        for i in range(first, min(last, len(lines) - 1)):
            lines[i] = lines[i][: place.start] + text + lines[i][place.stop :]
    if draw(st.integers(0, 3)) == 0:
        lines.insert(draw(st.integers(0, len(lines))), draw(st.sampled_from(_LINES)))
    return "".join(lines).encode()


COLUMNS = ("group_PDB", "id", "type_symbol", "label_atom_id", "label_alt_id", "label_comp_id")
COLUMNS += ("label_asym_id", "label_seq_id", "auth_asym_id", "auth_seq_id", "pdbx_PDB_ins_code")
COLUMNS += ("Cartn_x", "Cartn_y", "Cartn_z", "occupancy", "B_iso_or_equiv", "pdbx_PDB_model_num")

_VALUES = (
    *("?", ".", "x", "-1", "20A", "A000", "1.5", "nan", "1e400", "'", '"a b"', ";", "loop_", "#"),
    *("'unclosed", "_atom_site.id", "data_", "9" * 400, "1(2)", "\u03b1", "1.0", "0", "ZZ", "MSE"),
)


def _rows() -> list[list[str]]:
    """Values of the atoms of the helix, in the order of `COLUMNS`."""
    rows: list[list[str]] = []
    for number, residue in enumerate(CHAIN, start=1):
        for atom, element, place in zip(
            residue.atoms, residue.elements, residue.positions, strict=True
        ):
            where = ["A", str(number), "A", str(number), "?", *(f"{x:.3f}" for x in place)]
            rows.append(["ATOM", str(len(rows) + 1), element, atom, ".", residue.name, *where])
            rows[-1] += ["1.0", "0.0", "1"]
    return rows


ROWS = _rows()


@st.composite
def mmcif(draw: st.DrawFn) -> bytes:
    """The helix with values changed, or columns that are missing or come twice."""
    rows = [list(row) for row in ROWS]
    columns: Sequence[str] = COLUMNS
    for _ in range(draw(st.integers(0, 2))):
        column = draw(st.integers(0, len(COLUMNS) - 1))
        value = draw(st.sampled_from(_VALUES))
        first = draw(st.integers(0, len(rows) - 1))
        for row in rows[first : draw(st.sampled_from([first + 1, first + 5, len(rows)]))]:
            row[column] = value
    if draw(st.integers(0, 7)) == 5:
        left_out = draw(st.integers(0, len(COLUMNS) - 1))
        columns = [name for i, name in enumerate(COLUMNS) if i != left_out]
        rows = [[value for i, value in enumerate(row) if i != left_out] for row in rows]
    header = [f"_atom_site.{name}" for name in columns]
    text = "\n".join(["data_x", "loop_", *header, *map(" ".join, rows), "#"])
    return f"{text}\n".encode()
