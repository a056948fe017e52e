from pathlib import Path

import pytest

from protsae.concepts.uniprot.feature_names import base_name, feature_name
from protsae.io.protein_files.swissprot import read_entries

UBIQUITIN = "Glycyl lysine isopeptide (Lys-Gly) (interchain with G-Cter in ubiquitin)"


@pytest.mark.parametrize(
    ("description", "expected"),
    [
        pytest.param("EGF-like 1", "EGF-like", id="copy"),
        pytest.param("WD 12", "WD", id="copy-two-digits"),
        pytest.param("TPR 1-2", "TPR", id="copy-of-copy"),
        pytest.param("Coil 1A", "Coil", id="copy-and-letter"),
        pytest.param("2", "", id="copy-alone"),
        pytest.param("2-11", "", id="copy-of-copy-alone"),
        pytest.param("Iron-sulfur 2 (4Fe-4S)", "Iron-sulfur (4Fe-4S)", id="copy-before-bracket"),
        pytest.param("Calcium 1 (By similarity)", "Calcium", id="copy-and-evidence"),
        pytest.param("Iron (heme 1 axial ligand)", "Iron (heme axial ligand)", id="copy-inside"),
        pytest.param("Iron (heme B 2 axial ligand)", "Iron (heme B axial ligand)", id="copy-B"),
        pytest.param("EGF-like 2; calcium-binding", "EGF-like", id="qualifier"),
        pytest.param("Helical; Name=1", "Helical", id="qualifier-name"),
        pytest.param("Helical; Name=1; (Potential)", "Helical", id="two-qualifiers"),
        pytest.param("Phosphoserine; by PKA", "Phosphoserine", id="qualifier-by"),
        pytest.param("Zinc 1; via tele nitrogen", "Zinc", id="qualifier-and-copy"),
        pytest.param("Phosphoserine (By similarity)", "Phosphoserine", id="evidence"),
        pytest.param("LPXTG sorting signal (Potential)", "LPXTG sorting signal", id="potential"),
        pytest.param("Helical.", "Helical", id="full-stop"),
        pytest.param("Peptidase A1.", "Peptidase A1", id="number-of-the-name"),
        pytest.param("ABC transmembrane type-1", "ABC transmembrane type-1", id="type-number"),
        pytest.param("RNase III", "RNase III", id="roman-numeral-of-the-name"),
        pytest.param("tr-type G", "tr-type G", id="letter-of-the-name"),
        pytest.param("Coenzyme A", "Coenzyme A", id="coenzyme"),
        pytest.param("PTS EIIA type-2", "PTS EIIA type-2", id="pts"),
        pytest.param("Interchain (with C-20)", "Interchain", id="partner"),
        pytest.param("Interchain (with C-413 in MICU2)", "Interchain", id="partner-elsewhere"),
        pytest.param("Interchain (with C-31); in linked form", "Interchain", id="partner-form"),
        pytest.param("Interchain (between A and B chains)", "Interchain", id="partner-chains"),
        pytest.param("Interchain (with T subunit; by similarity)", "Interchain", id="open-bracket"),
        pytest.param(UBIQUITIN, UBIQUITIN, id="ubiquitin-stays"),
        pytest.param(UBIQUITIN + "; alternate", UBIQUITIN, id="ubiquitin-alternate"),
        pytest.param(
            "Isoglutamyl lysine isopeptide (Gln-Lys) (interchain with K-? in Factor 3(A)).",
            "Isoglutamyl lysine isopeptide (Gln-Lys)",
            id="partner-nested-brackets",
        ),
        pytest.param("", "", id="empty"),
        pytest.param("By similarity", "", id="evidence-alone"),
        pytest.param("Probable", "", id="probable-alone"),
        pytest.param("Alternate", "", id="alternate-alone"),
        pytest.param("Or 24.", "", id="other-cleavage-site"),
        pytest.param("Or 51, or 52", "", id="other-cleavage-sites"),
        pytest.param("Orange domain", "Orange domain", id="begins-like-or"),
        pytest.param("NAD(P)", "NAD(P)", id="bracket-of-the-name"),
        pytest.param("Zn(2+)", "Zn(2+)", id="ion"),
        pytest.param("N6,N6-dimethyllysine", "N6,N6-dimethyllysine", id="digits-inside"),
    ],
)
def test_base_name(description: str, expected: str) -> None:
    assert base_name(description) == expected
    assert base_name(expected) == expected


@pytest.mark.parametrize(
    ("feature_type", "description", "expected"),
    [
        pytest.param("METAL", "Zinc 2; catalytic", ("BINDING", "Zn(2+)"), id="metal"),
        pytest.param("BINDING", "Zn(2+); catalytic", ("BINDING", "Zn(2+)"), id="metal-today"),
        pytest.param("BINDING", "Zinc", ("BINDING", "Zn(2+)"), id="metal-old-name"),
        pytest.param("NP_BIND", "ATP 1", ("BINDING", "ATP"), id="nucleotide"),
        pytest.param("NP_BIND", "NADP (By similarity)", ("BINDING", "NADP(+)"), id="nadp"),
        pytest.param("NP_BIND", "NAD(P)", ("BINDING", "NAD(P)"), id="nad-or-nadp"),
        pytest.param("CA_BIND", "2", ("BINDING", "Ca(2+)"), id="calcium-loop"),
        pytest.param("METAL", "Copper A2", ("BINDING", "Cu cation"), id="copper-site"),
        pytest.param("METAL", "Copper or zinc", ("BINDING", "copper or zinc"), id="either-metal"),
        pytest.param("METAL", "Iron-sulfur 1 (2Fe-2S)", ("BINDING", "[2Fe-2S] cluster"), id="FeS"),
        pytest.param("METAL", "Iron (heme 2 axial ligand)", ("BINDING", "heme"), id="heme-iron"),
        pytest.param("METAL", "Iron (heme B 2 axial ligand)", ("BINDING", "heme b"), id="heme-b"),
        pytest.param(
            "METAL", "Iron 1 (heme b562 axial ligand)", ("BINDING", "heme b"), id="heme-b562"
        ),
        pytest.param("METAL", "Iron (heme C 1 axial ligand)", ("BINDING", "heme c"), id="heme-c"),
        pytest.param(
            "BINDING",
            "heme b; part Fe; label b562; axial binding residue",
            ("BINDING", "heme b"),
            id="heme-b-today",
        ),
        pytest.param("BINDING", "Ca(2+); 1", ("BINDING", "Ca(2+)"), id="merged-calcium"),
        pytest.param("BINDING", "Heme (covalent)", ("BINDING", "heme"), id="heme-covalent"),
        pytest.param("BINDING", "Substrate", ("BINDING", "substrate"), id="substrate"),
        pytest.param("BINDING", "FAD (covalent)", ("BINDING", "FAD"), id="ligand-covalent"),
        pytest.param("BINDING", "FAD; covalent", ("BINDING", "FAD"), id="ligand-covalent-today"),
        pytest.param("NP_BIND", "FAD (ADP part)", ("BINDING", "FAD"), id="part-of-ligand"),
        pytest.param("NP_BIND", "FMN binding", ("BINDING", "FMN"), id="ligand-binding"),
        pytest.param("BINDING", "Acetyl-CoA", ("BINDING", "acetyl-CoA"), id="ligand-capital"),
        pytest.param("BINDING", "N-acetyl-L-lysine", ("BINDING", "N-acetyl-L-lysine"), id="prefix"),
        pytest.param("BINDING", "Ni(2+)", ("BINDING", "Ni(2+)"), id="symbol-stays"),
        pytest.param("BINDING", "axial binding residue", ("BINDING", ""), id="note-alone"),
        pytest.param("BINDING", "via amide nitrogen", ("BINDING", ""), id="atom-alone"),
        pytest.param("REGION", "Substrate binding.", ("REGION", "Substrate binding"), id="region"),
        pytest.param(
            "CARBOHYD", "N-linked (GlcNAc...).", ("CARBOHYD", "N-linked (GlcNAc...)"), id="old"
        ),
        pytest.param(
            "CARBOHYD",
            "N-linked (GlcNAc...) (high mannose) asparagine; by host",
            ("CARBOHYD", "N-linked (GlcNAc...)"),
            id="today",
        ),
        pytest.param(
            "CARBOHYD", "O-linked (Man) threonine", ("CARBOHYD", "O-linked (Man)"), id="threonine"
        ),
        pytest.param(
            "CARBOHYD",
            "N-linked (Glc) (glycation) lysine; in vitro",
            ("CARBOHYD", "N-linked (Glc) (glycation)"),
            id="glycation-stays",
        ),
        pytest.param(
            "LIPID", "S-palmitoyl cysteine", ("LIPID", "S-palmitoyl cysteine"), id="lipid"
        ),
    ],
)
def test_feature_name(feature_type: str, description: str, expected: tuple[str, str]) -> None:
    assert feature_name(feature_type, description) == expected


def test_unknown_type_is_an_error() -> None:
    with pytest.raises(ValueError, match="unknown feature type 'HELICES'"):
        feature_name("HELICES", "")


def test_ligands_of_both_feature_syntaxes_have_one_name() -> None:
    """As the readers give them: the ligand, its note and the description, joined."""
    entries = Path(__file__).parents[2] / "data" / "entries.dat"
    with entries.open() as handle:
        new, old = read_entries(handle, "entries.dat")
    names = {
        feature_name(f.type, f.description)
        for protein in (new, old)
        for f in protein.features
        if f.type in ("BINDING", "METAL", "NP_BIND", "CA_BIND")
    }
    assert names == {("BINDING", ligand) for ligand in ("Zn(2+)", "Ca(2+)", "ATP")}
