"""Who may import whom, as in docs and design: read from the source."""

import ast
from collections import Counter
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from protsae.provenance import PACKAGE_ROOT

TESTS = Path(__file__).parent

LOOSE = {"protsae", "__main__", "cli", "device", "errors", "one_line", "provenance"}
"""Modules in no room; ``protsae`` is the version and the public names."""
MAY_IMPORT = {
    "one_line": set(),
    "errors": {"one_line"},
    "provenance": set(),
    "device": {"errors"},
    "statistics": set(),
    "schema": {"errors"},
    "config": {"errors", "one_line"},
    "proteins": {"config", "errors", "one_line", "statistics"},
    "concepts": {"proteins", "statistics"},
    "sae": {"config"},
    "detectors": {"config", "sae"},
    "association": {"concepts", "config", "detectors", "statistics"},
    "features": {"association", "concepts", "detectors", "proteins", "statistics"},
    "neighbours": {"association", "concepts", "detectors", "features", "sae", "statistics"},
    "missing_annotations": {"association", "concepts", "detectors", "statistics"},
    "probabilities": {"association", "concepts", "detectors", "missing_annotations", "statistics"},
    "references": {"association", "concepts", "config", "detectors", "proteins", "statistics"},
    "sparse_probes": {"association", "config", "detectors", "proteins", "references"}
    | {"statistics"},
    "protein_probes": {"errors", "one_line", "statistics"},
    "descriptions": {
        "association",
        "concepts",
        "detectors",
        "one_line",
        "proteins",
        "references",
        "statistics",
    },
    "io": {"concepts", "config", "errors", "one_line", "proteins", "protsae", "provenance"}
    | {"schema", "statistics"},
    "plm": {"config", "device", "errors", "io", "one_line", "provenance", "statistics"},
    "interventions": {"config", "errors", "one_line", "plm", "proteins", "sae", "statistics"},
    "run": {"config", "errors", "io", "one_line", "provenance", "schema"},
    "report": {"association", "concepts", "config", "errors", "features", "io", "protsae", "run"}
    | {"missing_annotations", "schema", "statistics"},
}
MAY_IMPORT["screen"] = {"association", "config", "errors", "features", "io", "one_line", "run"}
MAY_IMPORT["screen"] |= {"schema"}
MAY_IMPORT["inspection"] = MAY_IMPORT["screen"] | {"concepts", "proteins", "screen", "statistics"}
MAY_IMPORT["report"] |= {"inspection", "proteins", "screen"}
MAY_IMPORT["stages"] = MAY_IMPORT.keys() - {"report", "screen"} | {"protsae"}
"""Rooms that each room may import, itself aside, from the ground floor up; commands may all."""

MOST_MODULES, MOST_LOOSE, MOST_DEPTH = 12, 5, 12
MOST_COMMAND_LINES = 70

HEAVY_ALLOWED = {
    "torch": {"sae", "detectors", "plm", "interventions", "io", "commands", "device", "stages"}
    | {"neighbours"},
    "umap": {"neighbours"},
    "igraph": {"neighbours"},
    "numba": {"statistics"},
    "triton": {"sae"},
    "h5py": {"io"},
    "esm": {"plm", "commands"},
    "requests": {"io"},
    "matplotlib": {"report"},
    "logomaker": {"report"},
    "scipy.stats": {"neighbours"},
    "sklearn": {"protein_probes"},
    "obonet": {"io"},
}

TORCH_IN_IO = {"protsae.io.saes", "protsae.io.foreign_saes", "protsae.io.hdf5"}
"""Torch tensors in files, and a fast conversion: the rooms of io that may know torch."""


def modules() -> dict[str, Path]:
    found = {}
    for path in sorted(PACKAGE_ROOT.rglob("*.py")):
        parts = path.relative_to(PACKAGE_ROOT.parent).with_suffix("").parts
        found[".".join(parts).removesuffix(".__init__")] = path
    return found


MODULES = modules()


@cache
def imports(module: str) -> set[str]:
    """Modules that a module imports, anywhere in it; protsae's own in full."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: relative import, which provenance does not follow"
            assert node.module
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (inner & MODULES.keys()) or {node.module}
    return found


def part(module: str) -> str:
    """``sae`` of ``protsae.sae.autoencoder``; ``errors`` of ``protsae.errors``."""
    return module.split(".")[1] if "." in module else module


def stem(module: str) -> str:
    return module.rsplit(".", 1)[-1]


FILES = [name for name, path in MODULES.items() if path.stem != "__init__"]


def imported_here(module: str) -> set[str]:
    """Modules of protsae that a module imports."""
    return imports(module) & MODULES.keys()


def test_imports_run_in_no_circle_and_not_deep() -> None:
    depths: dict[str, int] = {}
    # Raises CycleError, which names the circle.
    for name in TopologicalSorter({name: imported_here(name) for name in MODULES}).static_order():
        depths[name] = 1 + max((depths[other] for other in imported_here(name)), default=0)
    assert max(depths.values()) <= MOST_DEPTH, max(depths, key=lambda name: depths[name])


def test_rooms_are_small() -> None:
    sizes = Counter(name.rsplit(".", 1)[0] for name in FILES)
    assert {room: n for room, n in sizes.items() if n > MOST_MODULES} == {}
    loose = {part(name) for name in FILES if name.count(".") == 1}
    assert loose | {"protsae"} == LOOSE
    assert len(loose - {"__main__"}) <= MOST_LOOSE


def test_a_name_is_of_one_module() -> None:
    """A command may be called as the room that it writes."""
    counts = Counter(stem(name) for name in FILES)
    assert [name for name, n in counts.items() if n > 1] == []
    rooms = {name.split(".")[-1] for name, path in MODULES.items() if path.stem == "__init__"}
    alike = {name for name in FILES if stem(name) in rooms}
    assert alike == {
        "protsae.commands.features.neighbours",
        "protsae.commands.interventions.effects",
        "protsae.commands.run.report",
        "protsae.commands.run.run",
    }


def test_tests_stand_where_their_modules_do() -> None:
    """A test called after a module is in the folder of that module."""
    folders = {stem(name): Path(*name.split(".")[1:-1]) for name in FILES}
    for path in sorted(TESTS.rglob("test_*.py")):
        name = path.stem.removeprefix("test_")
        if name in folders:
            assert path.parent.relative_to(TESTS) == folders[name], path


@pytest.mark.parametrize("room", [*MAY_IMPORT])
def test_rooms_import_only_what_they_may(room: str) -> None:
    for name in MODULES:
        if part(name) == room:
            own = {part(other) for other in imported_here(name)}
            assert own <= MAY_IMPORT[room] | {room}, name


def test_every_room_has_its_rule() -> None:
    assert {part(name) for name in MODULES} - LOOSE == MAY_IMPORT.keys() - LOOSE | {"commands"}


def test_only_the_command_line_imports_commands() -> None:
    """Which imports them by name when they are run."""
    for name in MODULES:
        commands = {other for other in imports(name) if other.startswith("protsae.commands.")}
        assert not commands or part(name) == "commands", name


def test_commands_are_thin() -> None:
    """What is longer has something in it that belongs to `stages`."""
    lines = {
        name: len(path.read_text().splitlines())
        for name, path in MODULES.items()
        if name.startswith("protsae.commands.")
    }
    assert {name: n for name, n in lines.items() if n > MOST_COMMAND_LINES} == {}


@pytest.mark.parametrize("library", HEAVY_ALLOWED)
def test_heavy_libraries_stay_where_they_belong(library: str) -> None:
    for name in MODULES:
        if any(f"{other}.".startswith(f"{library}.") for other in imports(name)):
            assert part(name) in HEAVY_ALLOWED[library], name
            if library == "torch" and part(name) == "io":
                assert name.rsplit(".", 1)[0] in TORCH_IN_IO
            if library == "triton":
                assert name == "protsae.sae.sparse.triton_kernels"


def test_the_core_opens_no_files_and_prints_nothing() -> None:
    for name, path in MODULES.items():
        if part(name) in ("sae", "association", "features", "statistics"):
            calls = {
                node.func.id
                for node in ast.walk(ast.parse(path.read_text()))
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            }
            assert not calls & {"open", "print", "Path"}, name
            assert "pathlib" not in imports(name), name
