import re

from protsae.io.other_programs.defattr import attribute_lines, attribute_name, residue_spec

CONTROLS = {
    "attribute": r"[A-Za-z_][A-Za-z0-9_]*",
    "match mode": r"any|non-zero|1-to-1",
    "recipient": r"atoms|residues|chains|structures|bonds|pseudobonds",
    "none handling": r"None|string|delete",
}
"""Of the documentation, beside comments; an attribute comes before its assignments."""
SPEC = r"(?:/[A-Za-z0-9]+)?:-?\d+[A-Za-z]?"


def parsed(lines: list[str]) -> dict[str, dict[str, float]]:
    """Values by attribute and residue, by the grammar of the documentation and no other."""
    found: dict[str, dict[str, float]] = {}
    name = ""
    for line in lines:
        if line.startswith("#"):
            continue
        if line.startswith("\t"):
            spec, value = line[1:].split("\t")
            assert re.fullmatch(SPEC, spec), spec
            assert re.fullmatch(r"-?\d+\.\d+", value), value
            assert spec not in found[name]
            found[name][spec] = float(value)
            continue
        key, value = line.split(": ")
        assert re.fullmatch(CONTROLS[key], value), line
        if key == "attribute":
            name = value
            found[name] = {}
    return found


def test_it_follows_the_grammar() -> None:
    name = attribute_name("6/batch-topk/11")
    values = [(residue_spec("A", 7, " "), 0.0), (residue_spec("B2", -3, "C"), 1.25)]
    lines = attribute_lines(name, "a feature", values)
    assert parsed(lines) == {"protsae_6_batch_topk_11": {"/A:7": 0.0, "/B2:-3C": 1.25}}
    assert "recipient: residues" in lines


def test_several_attributes_in_one_file() -> None:
    lines = attribute_lines("protsae_a", "x", [("/A:1", 2.0)])
    lines += attribute_lines("protsae_b", "y", [("/A:1", 3.0)])
    assert parsed(lines) == {"protsae_a": {"/A:1": 2.0}, "protsae_b": {"/A:1": 3.0}}
