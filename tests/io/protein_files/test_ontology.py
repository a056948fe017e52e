"""GO's OBO file: a small one in its layout, worked out by hand."""

import gzip
from pathlib import Path

import pytest

from protsae.errors import UserError
from protsae.io.protein_files.ontology import read_ontology

OBO = """format-version: 1.2
data-version: releases/2026-01-01
subsetdef: goslim_generic "Generic GO slim"
synonymtypedef: syngo_official_label "label approved by the SynGO project"
default-namespace: gene_ontology
ontology: go

[Term]
id: GO:0000001
name: cellular_component
namespace: cellular_component
alt_id: GO:0000091
def: "A location, \\"as it were\\" {of sorts}." [GOC:pdt, NIF_Subcellular:sao1337158144]
subset: goslim_generic
synonym: "cellular component or subcellular entity" EXACT []

[Term]
id: GO:0000002
name: cytoplasm
namespace: cellular_component
is_a: GO:0000001 ! cellular_component

[Term]
id: GO:0000003
name: endosome
namespace: cellular_component
alt_id: GO:0000093
alt_id: GO:0000094
is_a: GO:0000001 ! cellular_component
relationship: part_of GO:0000002 ! cytoplasm

[Term]
id: GO:0000004
name: early endosome
namespace: cellular_component
is_a: GO:0000003 {xref="GOC:x"} ! endosome

[Term]
id: GO:0000005
name: transport
namespace: biological_process

[Term]
id: GO:0000006
name: regulation of transport
namespace: biological_process
relationship: regulates GO:0000005 ! transport

[Term]
id: GO:0000007
name: transporter activity
namespace: molecular_function
relationship: part_of GO:0000005 ! transport

[Term]
id: GO:0000010
name: obsolete sac
namespace: cellular_component
is_obsolete: true
replaced_by: GO:0000003

[Term]
id: GO:0000011
name: obsolete either
namespace: cellular_component
is_obsolete: true
consider: GO:0000002
consider: GO:0000003

[Typedef]
id: part_of
name: part of
namespace: external
xref: BFO:0000050
is_transitive: true

[Typedef]
id: regulates
name: regulates
namespace: external
"""
"""Two chains, endosome to cytoplasm by part_of; ids that are short and obsolete terms."""


def go(number: int) -> str:
    return f"GO:{number:07d}"


def write_ontology(path: Path, text: str = OBO) -> Path:
    path.write_text(text)
    return path


def test_terms_and_their_ancestors(tmp_path: Path) -> None:
    found = read_ontology(write_ontology(tmp_path / "go.obo"))
    assert found.names == {
        go(1): "C:cellular_component",
        go(2): "C:cytoplasm",
        go(3): "C:endosome",
        go(4): "C:early endosome",
        go(5): "P:transport",
        go(6): "P:regulation of transport",
        go(7): "F:transporter activity",
    }
    assert found.ancestors(go(4)) == {go(4), go(3), go(2), go(1)}
    assert found.ancestors(go(2)) == {go(2), go(1)}
    assert found.ancestors(go(6)) == {go(6)}, "what regulates transport is none"
    assert found.ancestors(go(7)) == {go(7), go(5)}, "part_of leads from functions to processes"
    assert found.ancestors(go(99)) == {go(99)}


def test_ids_that_have_moved(tmp_path: Path) -> None:
    found = read_ontology(write_ontology(tmp_path / "go.obo"))
    moved = {go(91): go(1), go(93): go(3), go(94): go(3), go(10): go(3)}
    assert found.moved == moved
    assert found.obsolete == {go(11)}


def test_a_gzipped_file_reads_alike(tmp_path: Path) -> None:
    path = tmp_path / "go.obo.gz"
    path.write_bytes(gzip.compress(OBO.encode()))
    assert read_ontology(path).names == read_ontology(write_ontology(tmp_path / "go.obo")).names


EXPECTED = "expected the Gene Ontology in OBO format, such as go-basic.obo"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty file"),
        ("P12345\n", "Tag-value pair parsing failed for: P12345"),
        (OBO.replace("name: endosome", "endosome"), "Tag-value pair parsing failed for: endosome"),
        (OBO.replace("part_of GO:0000005", "part_of"), "not enough values to unpack"),
        (OBO.replace("id: GO:0000005", "no: 5"), "'id'"),
        ("format-version: 1.2\nontology: hp\n\n[Term]\nid: HP:1\nname: x\n", "no terms of GO"),
    ],
)
def test_what_is_no_ontology(tmp_path: Path, text: str, why: str) -> None:
    path = write_ontology(tmp_path / "go.obo", text)
    with pytest.raises(UserError) as caught:
        read_ontology(path)
    assert str(caught.value).startswith(f"{path}: {why}")
    assert str(caught.value).endswith(f"; {EXPECTED}")


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        read_ontology(tmp_path / "go.obo")
    assert str(caught.value) == f"{tmp_path / 'go.obo'}: no such file; {EXPECTED}"


def test_a_long_reason_is_cut_at_100_characters(tmp_path: Path) -> None:
    path = write_ontology(tmp_path / "go.obo", "A" * 300 + "\n")
    with pytest.raises(UserError) as caught:
        read_ontology(path)
    why = "Tag-value pair parsing failed for: ".ljust(100, "A")
    assert str(caught.value) == f"{path}: {why}; {EXPECTED}"
