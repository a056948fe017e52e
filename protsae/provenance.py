"""Where artefacts come from: checksums of files, settings and the code of a stage."""

import ast
import hashlib
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

PACKAGE_ROOT = Path(__file__).parent

# Settings reach a stage as values, which Snakemake tracks by themselves; what parses them need not
# rerun everything when it changes.
_NOT_PART_OF_A_STAGE = re.compile(r"protsae(\.(cli|config|provenance|commands)(\.\w+)?)?")


def file_sha256(path: str | Path) -> str:
    """SHA-256 of a file's bytes, as 64 hexadecimal digits."""
    with Path(path).open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def settings_sha256(settings: Any) -> str:
    """SHA-256 of a JSON-able object with sorted keys: equal settings have equal digests.

    Examples
    --------
    >>> settings_sha256({"a": 1, "b": 2}) == settings_sha256({"b": 2, "a": 1})
    True
    """
    text = json.dumps(settings, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def protein_set_sha256(accessions: Iterable[str], sequences: Iterable[str]) -> str:
    """SHA-256 over the lines ``accession<TAB>sequence`` of a protein set, in its order."""
    digest = hashlib.sha256()
    for accession, sequence in zip(accessions, sequences, strict=True):
        digest.update(f"{accession}\t{sequence}\n".encode())
    return digest.hexdigest()


def imported_modules(module: str) -> set[str]:
    """Modules of protsae that ``module`` imports, itself included, followed to the end.

    Read from the source (``ast``), so nothing is imported and torch stays out of Snakemake.
    """
    found: set[str] = set()
    todo = [module]
    while todo:
        name = todo.pop()
        path = _source_path(name)
        if name in found or _NOT_PART_OF_A_STAGE.fullmatch(name) or path is None:
            continue
        found.add(name)
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                todo += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                todo += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return found


def code_digest(module: str) -> str:
    """First 16 hexadecimal digits of a SHA-256 over the source of a module and all it imports.

    Rules list it as a param: an edited stage reruns, a touched or freshly cloned one does not.
    Templates beside a module's package (``*.html``, ``*.css``) count as its source.
    """
    digest = hashlib.sha256()
    for name in sorted(imported_modules(module)):
        path = _source_path(name)
        assert path is not None
        sources = [
            path,
            *sorted(p for p in path.parent.glob("*.*") if p.suffix in (".html", ".css")),
        ]
        for source in sources:
            digest.update(f"{name}/{source.name}\0".encode() + source.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _source_path(module: str) -> Path | None:
    if module != "protsae" and not module.startswith("protsae."):
        return None
    base = PACKAGE_ROOT.joinpath(*module.split(".")[1:])
    return next((p for p in (base.with_suffix(".py"), base / "__init__.py") if p.is_file()), None)
