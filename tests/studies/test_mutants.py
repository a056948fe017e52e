"""The mutation test finds tokens to change, and sees which changes no test of a folder notices."""

import ast
from pathlib import Path

import pytest

from protsae.provenance import PACKAGE_ROOT
from studies.mutants.measure import EQUIVALENT, all_sites, is_caught, name_of
from studies.mutants.sites import Site, find_sites

MODULE = '''def above(values: list[int | None], least: int = 0) -> int:
    """Values above 5, by no means 6 or 7."""
    return sum(v is not None and v > least + 5 for v in values)
'''


def test_sites_by_hand() -> None:
    """Neither the annotation's | nor the docstring's numbers."""
    found = [(site.line, site.old, site.new) for site in find_sites(MODULE)]
    assert found == [(1, "0", "1"), (3, "and", "or"), (3, ">", ">="), (3, "+", "-"), (3, "5", "6")]


@pytest.mark.parametrize("path", sorted(PACKAGE_ROOT.rglob("statistics/*.py")))
def test_every_site_is_one_change_that_still_parses(path: Path) -> None:
    source = path.read_text()
    for site in find_sites(source):
        mutant = site.applied(source)
        assert ast.dump(ast.parse(mutant)) != ast.dump(ast.parse(source))
        assert mutant.splitlines()[site.line - 1] != source.splitlines()[site.line - 1]


def test_signs_before_the_change_are_counted_in_characters() -> None:
    assert find_sites('x = "é" + "é" + y') == [Site(1, 8, "+", "-"), Site(1, 14, "+", "-")]


@pytest.mark.parametrize(
    ("change", "caught"),
    [
        pytest.param((">", ">="), True, id="a test fails"),
        pytest.param(("0", "1"), False, id="no test looks"),
    ],
)
def test_a_mutant_is_caught_if_a_test_of_its_folder_fails(
    tmp_path: Path, change: tuple[str, str], caught: bool
) -> None:
    module, test = tmp_path / "protsae/room/limits.py", tmp_path / "tests/room/test_limits.py"
    for path in (module, test):
        path.parent.mkdir(parents=True)
    module.write_text(MODULE)
    test.write_text(
        "from room.limits import above\n\n\n"
        "def test_above():\n"
        "    assert above([6, 7, None], 1) == 1\n"
    )
    (tmp_path / "pytest.ini").write_text("[pytest]\npythonpath = protsae\n")
    [site] = [site for site in find_sites(MODULE) if (site.old, site.new) == change]
    assert is_caught(tmp_path, module.relative_to(tmp_path), site) is caught
    assert module.read_text() == MODULE


def test_equivalent_mutants_are_still_in_the_code() -> None:
    """Of a line that has changed the judgement does not hold any more."""
    names = {name_of(path, site) for path, site in all_sites()}
    judged = [line.split("\t") for line in EQUIVALENT.read_text().splitlines()[1:]]
    assert [name for name, _ in judged if name not in names] == []
    assert all(reason for _, reason in judged)
