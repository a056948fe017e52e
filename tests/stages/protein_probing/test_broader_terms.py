"""GO terms of proteins with their ancestors, in the small ontology of the OBO tests."""

from pathlib import Path

from protsae.io.protein_files.ontology import read_ontology
from protsae.stages.protein_probing.broader_terms import with_broader
from tests.io.protein_files.test_ontology import go, write_ontology


def test_terms_hold_for_what_is_narrower(tmp_path: Path) -> None:
    """P1 is in an early endosome, P2 in an endosome, P3 in the cytoplasm, P4 transports."""
    ontology = read_ontology(write_ontology(tmp_path / "go.obo"))
    own = {
        "P1": [(go(4), "C:as the entry calls it")],
        "P2": [(go(3), "C:endosome")],
        "P3": [(go(2), "C:cytoplasm")],
        "P4": [(go(7), "F:transporter activity")],
        "P5": [],
    }
    terms, notes = with_broader(own, ontology)
    cytoplasm, endosome = (go(2), "C:cytoplasm"), (go(3), "C:endosome")
    assert terms == {
        "P1": {(go(4), "C:early endosome"), endosome, cytoplasm},
        "P2": {endosome, cytoplasm},
        "P3": {cytoplasm},
        "P4": {(go(7), "F:transporter activity")},
        "P5": set(),
    }
    # The root has the proteins of the cytoplasm, and transport that of its transporter.
    assert notes == [
        f"2 GO terms are of the same proteins as a narrower one, and left out, such as {go(1)}"
    ]


def test_other_ids_are_counted(tmp_path: Path) -> None:
    ontology = read_ontology(write_ontology(tmp_path / "go.obo"))
    own = {
        "P1": [(go(93), "C:old endosome"), (go(10), "C:sac")],
        "P2": [(go(11), "C:either"), (go(99), "C:newer than the file")],
        "P3": [(go(2), "C:cytoplasm")],
    }
    terms, notes = with_broader(own, ontology)
    assert terms == {
        "P1": {(go(3), "C:endosome"), (go(2), "C:cytoplasm")},
        "P2": {(go(99), "C:newer than the file")},
        "P3": {(go(2), "C:cytoplasm")},
    }
    assert notes == [
        f"2 GO terms are under another id in the ontology, and read so, such as {go(10)}",
        f"1 GO terms are obsolete without one replacement, and left out, such as {go(11)}",
        f"1 GO terms are not in the ontology, and read without broader terms, such as {go(99)}",
        f"1 GO terms are of the same proteins as a narrower one, and left out, such as {go(1)}",
    ]
