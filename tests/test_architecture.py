"""Who may import whom, as in docs and design: read from the source."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from protsae.provenance import PACKAGE_ROOT

PURE = {
    "protsae",
    "errors",
    "config",
    "proteins",
    "entry_features",
    "alphabet",
    "filters",
    "provenance",
    "split",
}
PURE |= {
    "models",
    "resampling",
    "run_layout",
    "schema",
    "sharding",
    "balance",
    "one_line",
    "yaml_depth",
}

MAY_IMPORT = {
    "sae": {"config"},
    "concepts": {"alphabet", "proteins", "errors", "resampling", "split"},
    "association": {"concepts", "config", "models", "resampling"},
    "plm": {"alphabet", "config", "device", "errors", "io", "provenance", "resampling"}
    | {"one_line"},
    "verification": {"config", "errors", "io", "models", "one_line", "provenance"}
    | {"run_layout", "schema"},
    "io": {"alphabet", "errors", "proteins", "filters", "provenance", "split", "protsae", "config"}
    | {"entry_features", "concepts", "schema", "one_line", "yaml_depth"},
    "report": {"alphabet", "association", "concepts", "errors", "io", "models", "protsae"}
    | {"schema"},
}
"""Parts of protsae that each package may import, itself aside; ``protsae`` is the version."""

HEAVY_ALLOWED = {
    "torch": {"sae", "plm", "io", "commands", "device", "trained"},
    "triton": {"sae"},
    "h5py": {"io"},
    "esm": {"plm", "commands"},
    "requests": {"io"},
    "matplotlib": {"report"},
}

# Torch tensors in files, and a fast conversion: the only modules of io that may know torch.
TORCH_IN_IO = {"protsae.io.checkpoints", "protsae.io.float16", "protsae.io.sae_files"}
TORCH_IN_IO |= {"protsae.io.saelens", "protsae.io.dictionaries"}
TORCH_IN_IO |= {"protsae.io.foreign_tensors", "protsae.io.foldings"}


def modules() -> dict[str, Path]:
    found = {}
    for path in sorted(PACKAGE_ROOT.rglob("*.py")):
        parts = path.relative_to(PACKAGE_ROOT.parent).with_suffix("").parts
        found[".".join(parts).removesuffix(".__init__")] = path
    return found


MODULES = modules()


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
    """``sae`` of ``protsae.sae.sae``; ``config`` of ``protsae.config``."""
    return module.split(".")[1] if "." in module else module


def test_there_are_no_cycles() -> None:
    graph = {name: imports(name) & MODULES.keys() for name in MODULES}
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the cycle


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_packages_import_only_what_they_may(package: str) -> None:
    for name in MODULES:
        if part(name) == package:
            own = {part(other) for other in imports(name) & MODULES.keys()}
            assert own <= MAY_IMPORT[package] | {package}, name


def test_pure_modules_import_no_package_of_ours() -> None:
    for name in MODULES:
        if part(name) in PURE:
            own = {part(other) for other in imports(name) & MODULES.keys()}
            assert own <= PURE, name
            assert not {other.split(".")[0] for other in imports(name)} & HEAVY_ALLOWED.keys(), name


def test_only_the_command_line_imports_stages() -> None:
    """Which imports them by name when they are run."""
    for name in MODULES:
        stages = {other for other in imports(name) if part(other) == "commands"}
        assert not stages or part(name) == "commands", name


@pytest.mark.parametrize("library", HEAVY_ALLOWED)
def test_heavy_libraries_stay_where_they_belong(library: str) -> None:
    for name in MODULES:
        if any(other.split(".")[0] == library for other in imports(name)):
            assert part(name) in HEAVY_ALLOWED[library], name
            if library == "torch" and part(name) == "io":
                assert name in TORCH_IN_IO
            if library == "triton":
                assert name == "protsae.sae.sparse_triton"


def test_the_core_opens_no_files_and_prints_nothing() -> None:
    for name, path in MODULES.items():
        if part(name) in ("sae", "association"):
            calls = {
                node.func.id
                for node in ast.walk(ast.parse(path.read_text()))
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            }
            assert not calls & {"open", "print", "Path"}, name
            assert "pathlib" not in imports(name), name
