import gzip
import json
import re
from pathlib import Path

import pytest

from protsae.errors import UserError
from protsae.io.protein_files.residue_labels import read_label_sets, write_labels
from tests.helpers.shared_data import SHARED

LABELS = SHARED / "residue_labels.jsonl.gz"
SEQUENCES = {"P1": "MKCAA", "P2": "GGG", "P3": "MKCAA"}
HEADER = {"set": "topology", "source": "OPM", "classes": {"H": "TMH", "h": "TMH", "S": "signal"}}


def write(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def codes(path: Path) -> dict[str, dict[str, list[int]]]:
    sets, _ = read_label_sets([path], SEQUENCES)
    return {s.name: {name: c.tolist() for name, c in s.codes.items()} for s in sets}


def test_a_set_with_a_header(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    record = {"set": "topology", "accession": "P1", "labels": "SHh?U", "mask": "11111"}
    write_labels(path, [HEADER], [record])
    [labels], left_out = read_label_sets([path], SEQUENCES)
    assert [p.name for p in labels.concepts] == ["topology: TMH", "topology: signal"]
    assert labels.source == "OPM"
    assert {name: c.tolist() for name, c in labels.codes.items()} == {"P1": [2, 1, 1, 0, 0]}
    assert left_out == {"topology": {}}


def test_packed_labels_are_the_same_and_equal_bytes(tmp_path: Path) -> None:
    records = [{"set": "topology", "accession": "P1", "labels": "SHh?U"}]
    plain, packed, again = (tmp_path / name for name in ("a.jsonl", "a.jsonl.gz", "b.jsonl.gz"))
    for path in (plain, packed, again):
        write_labels(path, [HEADER], records)
    assert gzip.decompress(packed.read_bytes()) == plain.read_bytes()
    assert packed.read_bytes() == again.read_bytes()
    assert codes(packed) == codes(plain)


def test_a_set_without_a_header(tmp_path: Path) -> None:
    """As in residue_labels.jsonl.gz: names from the letters, all else ignored."""
    row = {"id": "x-A", "accession": None, "sequence": "GGG", "labels": "HCE"}
    path = write(tmp_path / "dssp.v2.jsonl", {**row, "resolved_mask": "110", "split": "train"})
    [labels], _ = read_label_sets([path], SEQUENCES)
    assert [p.name for p in labels.concepts] == ["dssp: C", "dssp: E", "dssp: H"]
    assert labels.source == "dssp.v2.jsonl"
    assert labels.codes["P2"].tolist() == [3, 1, 0]


def test_records_find_their_proteins(tmp_path: Path) -> None:
    path = write(
        tmp_path / "t.jsonl",
        {"accession": "P2", "labels": "HHH"},
        {"accession": "Q9", "sequence": "MKCAA", "labels": "HHEEE"},
    )
    assert codes(path) == {"t": {"P2": [2, 2, 2], "P1": [2, 2, 1, 1, 1], "P3": [2, 2, 1, 1, 1]}}


def test_records_without_a_protein_are_counted(tmp_path: Path) -> None:
    path = write(
        tmp_path / "t.jsonl",
        {"accession": "Q9", "labels": "HHH"},
        {"accession": "P2", "sequence": "GGA", "labels": "HHH"},
        {"sequence": "WW", "labels": "HH"},
    )
    [labels], left_out = read_label_sets([path], SEQUENCES)
    assert labels.codes == {}
    assert left_out == {
        "t": {"not among the proteins": 2, "another sequence than the protein's": 1}
    }


def test_headers_may_come_first_in_a_file_of_their_own(tmp_path: Path) -> None:
    write_labels(tmp_path / "names.jsonl", [HEADER], [])
    path = tmp_path / "b.jsonl.gz"
    with gzip.open(path, "wt") as handle:
        handle.write('{"set": "topology", "accession": "P2", "labels": "SSH"}\n\n')
    sets, _ = read_label_sets([tmp_path / "names.jsonl", path], SEQUENCES)
    assert [(s.name, s.classes) for s in sets] == [("topology", ("TMH", "signal"))]
    assert sets[0].codes["P2"].tolist() == [2, 2, 1]


def test_the_same_record_twice_is_one(tmp_path: Path) -> None:
    row = {"accession": "P2", "labels": "HHE"}
    assert codes(write(tmp_path / "t.jsonl", row, row)) == {"t": {"P2": [2, 2, 1]}}


GOOD = {"accession": "P2", "labels": "HHE"}
DECLARED = {"format": "protsae-labels", "format_version": 1, **HEADER}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        pytest.param([GOOD, [1]], r"line 2: found '\[1\]'; expected \{", id="no-object"),
        pytest.param([{"accession": "P2"}], "line 1: no 'labels'; expected", id="no-labels"),
        pytest.param([{**GOOD, "labels": 3}], "line 1: 3 as 'labels'; expected", id="number"),
        pytest.param([{"labels": "HH"}], "line 1: neither accession nor sequence", id="nobody"),
        pytest.param(
            [{**GOOD, "labels": "HH"}], "line 1: 2 labels for a sequence of 3 residues", id="short"
        ),
        pytest.param(
            [{**GOOD, "sequence": "GGGG"}], "3 labels for a sequence of 4 residues", id="own"
        ),
        pytest.param(
            [{**GOOD, "mask": "11"}], "line 1: mask of 2 characters for 3 labels", id="mask"
        ),
        pytest.param([{**GOOD, "mask": "1x1"}], "mask holds 'x'; expected 1", id="mask-letter"),
        pytest.param([{**GOOD, "labels": "HHé"}], "line 1: label 3 is 'é'; expected", id="ascii"),
        pytest.param([{**GOOD, "labels": "H\tE"}], r"line 1: label 2 is '\\t'; expected", id="tab"),
        pytest.param([{**GOOD, "labels": [1] * 9}], "1: a list of 9 as 'labels'; exp", id="list"),
        pytest.param([{**GOOD, "set": "a\tb"}], r"set 'a\\tb' is .* cannot be printed", id="set"),
        pytest.param(
            [GOOD, {**GOOD, "labels": "HHH"}], "line 2: P2 has other labels of 't'", id="twice"
        ),
        pytest.param([{**GOOD, "set": "SIGNAL"}], "set 'SIGNAL' is the name of", id="reserved"),
        pytest.param(
            [DECLARED, {**GOOD, "set": "topology"}],
            "line 2: label 'E'; expected one of '\\?HSUh'",
            id="undeclared-letter",
        ),
        pytest.param([DECLARED, DECLARED], "line 2: set 'topology' is declared twice", id="again"),
        pytest.param(
            [{**DECLARED, "format_version": 2}],
            "version 2; expected 'protsae-labels'",
            id="version",
        ),
        pytest.param(
            [{**DECLARED, "classes": ["H"] * 300}],
            "line 1: classes is a list of 300; expected an object of letter and name",
            id="classes",
        ),
        pytest.param(
            [{**DECLARED, "classes": {"😀": "x", "H": "h"}}],
            "classes has '😀' as a letter; expected a printable one of ASCII",
            id="emoji",
        ),
        pytest.param(
            [{**DECLARED, "classes": {chr(33 + i): f"c{i}" for i in range(300)}}],
            r"classes has '\\x7f' as a letter; ",
            id="300-classes",
        ),
        pytest.param(
            [{**DECLARED, "classes": {"H": {}}}], "class 'H' is an object of 0; exp", id="no-name"
        ),
        pytest.param(
            [
                {**DECLARED, "classes": {chr(48 + i): f"c{i}" for i in range(70)}},
                {**GOOD, "set": "topology", "labels": "~~~"},
            ],
            r"line 2: label '~'; expected one of '.{40}'\.\.\. \(70\), as its set's header says",
            id="70-classes",
        ),
    ],
)
def test_mistakes_name_file_and_line(rows: list[object], message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message) as raised:
        read_label_sets([write(tmp_path / "t.jsonl", *rows)], SEQUENCES)
    assert str(raised.value).startswith(f"{tmp_path}/t.jsonl: line ")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("[" * 100_000, "nested too deeply"),
        ('{"accession": ' + "9" * 5000 + "}", "a number without end"),
        ("\x00", "Expecting value"),
    ],
)
def test_json_that_cannot_be_read(tmp_path: Path, line: str, reason: str) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text(json.dumps(GOOD) + "\n" + line + "\n")
    with pytest.raises(UserError, match=f"line 2: not JSON .{reason}.; expected"):
        read_label_sets([path], SEQUENCES)


@pytest.mark.parametrize(
    ("sequence", "labels"),
    [("mkcaa", "HHHEE"), ("MKC\nAA ", "HHHEE"), ("MKCAA*", "HHHEE"), ("MKCAA*", "HHHEE?")],
)
def test_sequences_are_cleaned_as_fetch_cleans_them(
    tmp_path: Path, sequence: str, labels: str
) -> None:
    row = {"accession": "P1", "sequence": sequence, "labels": labels, "mask": "1" * len(labels)}
    assert codes(write(tmp_path / "t.jsonl", row)) == {"t": {"P1": [2, 2, 2, 1, 1]}}


def test_names_of_classes_stay_in_one_line(tmp_path: Path) -> None:
    header = {**DECLARED, "classes": {"H": "a\tb\nc\x07"}, "source": "x\ny"}
    record = {**GOOD, "set": "topology", "labels": "HHH"}
    [labels], _ = read_label_sets([write(tmp_path / "t.jsonl", header, record)], SEQUENCES)
    assert (labels.classes, labels.source) == (("a b c\\x07",), "x y")


def test_not_json(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text('{"accession": "P2", "labels": "HHE"\n')
    with pytest.raises(UserError, match="line 1: not JSON"):
        read_label_sets([path], SEQUENCES)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no such file; expected labels, JSON lines"):
        read_label_sets([tmp_path / "t.jsonl"], SEQUENCES)


def test_the_example_of_the_documentation(tmp_path: Path) -> None:
    text = (Path(__file__).parents[3] / "docs" / "labels.md").read_text()
    path = tmp_path / "topology.jsonl"
    path.write_text(re.findall(r"```json\n(.*?)```", text, re.DOTALL)[0])
    [labels], _ = read_label_sets([path], {"P02945": "MLELLPTAV"})
    assert labels.codes["P02945"].tolist() == [2, 2, 2, 1, 1, 1, 1, 0, 0]


def test_real_labels() -> None:
    if not LABELS.exists():
        pytest.skip(f"{LABELS} is not on this machine")
    with gzip.open(LABELS, "rt") as lines:
        rows = [json.loads(line) for line in lines]
    some = {f"X{i}": row for i, row in enumerate(rows) if i % 101 == 0}
    sequences = {name: row["sequence"] for name, row in some.items()}
    sets, left_out = read_label_sets([LABELS], sequences)
    assert {s.name for s in sets} == {"TMbed", "FLIP_secondary_structure"}
    assert sum(len(s.codes) for s in sets) == len(some)
    assert sum(sum(counts.values()) for counts in left_out.values()) == len(rows) - len(some)
    for labels in sets:
        for name in labels.codes:
            row, length = some[name], len(sequences[name])
            known = labels.known([name], [length])
            mask = row.get("resolved_mask") or "1" * length
            expected = [m == "1" and x != "U" for x, m in zip(row["labels"], mask, strict=True)]
            assert known.tolist() == expected
            found = labels.labels([name], [length]).toarray()
            letters = "".join(labels.classes[i] for i in found[known].argmax(axis=1))
            assert letters == "".join(x for x, k in zip(row["labels"], known, strict=True) if k)
