"""Commands that take long find out at once whether they can write what they find."""

from pathlib import Path

import pytest

from protsae.cli import main

SEQUENCE = ("--sequence", "MKV")
COMMANDS = [
    ("explain", *SEQUENCE),
    ("variants", *SEQUENCE, "--mutants", "K2R"),
    ("intervene", *SEQUENCE, "--edit", "1/topk/0:ablate"),
    ("attribute", *SEQUENCE, "--of", "2"),
    ("circuit", *SEQUENCE, "--residue", "2", "--sae", "topk"),
    ("deconfound", "--sae", "1/topk", "--label", "SIGNAL", "--confounder", "length"),
    ("probe-proteins", "--sae", "1/topk", "--concepts", "SIGNAL"),
]


@pytest.mark.parametrize("words", COMMANDS, ids=[words[0] for words in COMMANDS])
def test_an_output_that_is_a_file_is_told_before_anything_is_read(
    words: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No run is there, and yet the complaint is about the output: it is checked first."""
    taken = tmp_path / "taken"
    taken.write_text("mine")
    assert main([*words, "--run", str(tmp_path / "none"), "--output", str(taken)]) == 2
    assert capsys.readouterr().err == (
        f"protsae {words[0]}: --output {taken}: is a file; expected a folder, or a name that is "
        "free\n"
    )
    assert taken.read_text() == "mine"
