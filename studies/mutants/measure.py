"""Change one token at a time and see whether a test of the module's own folder fails.

A mutant is a module with one comparison, operator or number changed, drawn at random over all
places of the rooms below. It is caught if the doctests of the module or a test of the folder that
mirrors its folder fail, or do not end. Survivors that compute the same as before, or differ only
in speed, memory or in the last digits, are set aside by name in equivalent.tsv, with the reason.

    python -m studies.mutants.measure --number 200 --seed 0
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue

from protsae.io.progress import print_beside, progress
from studies.mutants.sites import Site, find_sites

ROOT = Path(__file__).parents[2]

EQUIVALENT = Path(__file__).with_name("equivalent.tsv")
"""Mutants that no test can catch, as `name_of` names them, and why."""

ROOMS = ("association", "statistics", "plm", "io", "proteins/splits.py")
"""The evaluation core, statistics, the language model, files and the split."""

WANTED = 0.95
"""Share that must be caught."""

SECONDS = 600
"""A test run that takes longer has caught the mutant: it does not end."""


def main() -> int:
    """Draw, test, report; 1 if too many survive."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--number", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    args = parser.parse_args()
    every = list(all_sites())
    drawn = random.Random(args.seed).sample(every, args.number)
    equivalent = {line.split("\t")[0] for line in EQUIVALENT.read_text().splitlines()}
    mutants = [(path, site) for path, site in drawn if name_of(path, site) not in equivalent]
    print(f"{len(every):,} places; {len(drawn)} drawn, {len(drawn) - len(mutants)} of them")
    print("  equivalent to the code as it is (studies/mutants/equivalent.tsv)")
    survivors = test_all(mutants, args.workers)
    share = 1 - len(survivors) / len(mutants)
    print(f"{len(mutants) - len(survivors)} of {len(mutants)} mutants caught ({share:.1%})")
    return int(share < WANTED)


def all_sites() -> Iterator[tuple[Path, Site]]:
    """Places of all modules of `ROOMS`, in a fixed order; paths from the root of the repository."""
    for room in ROOMS:
        base = ROOT / "protsae" / room
        for path in [base] if base.is_file() else sorted(base.rglob("*.py")):
            for site in find_sites(path.read_text()):
                yield path.relative_to(ROOT), site


def name_of(path: Path, site: Site) -> str:
    """A name that lasts as long as the line: module, line, change, and which of several alike."""
    source = (ROOT / path).read_text().splitlines()
    at = source[site.line - 1][: site.column].count(site.old)
    lines = [line.strip() for line in source]
    line = lines[site.line - 1]
    earlier = lines[: site.line - 1].count(line)
    alike = f", line {earlier + 1} of {lines.count(line)}" if lines.count(line) > 1 else ""
    return f"{path}: {line}: {site.old} -> {site.new} ({at + 1}{alike})"


def test_all(mutants: list[tuple[Path, Site]], workers: int) -> list[tuple[Path, Site]]:
    """Those that no test catches."""
    with tempfile.TemporaryDirectory() as folder:
        copies: Queue[Path] = Queue()
        for number in range(workers):
            copy = Path(folder) / str(number)
            ignored = shutil.ignore_patterns(".*", "results", "site", "__pycache__")
            shutil.copytree(ROOT, copy, ignore=ignored)
            copies.put(copy)

        def survives(mutant: tuple[Path, Site]) -> bool:
            copy = copies.get()
            try:
                survived = not is_caught(copy, *mutant)
            finally:
                copies.put(copy)
            if survived:
                print_beside(f"survives: {name_of(*mutant)}")
            return survived

        with ThreadPoolExecutor(workers) as pool:
            found = list(progress(pool.map(survives, mutants), "testing", "mutants"))
    return [mutant for mutant, survived in zip(mutants, found, strict=True) if survived]


def is_caught(copy: Path, path: Path, site: Site) -> bool:
    """Whether a test fails in a copy of the repository where the change was made."""
    module = copy / path
    source = module.read_text()
    module.write_text(site.applied(source))
    try:
        return any(fails(copy, tests) for tests in tests_of(copy, path))
    finally:
        module.write_text(source)


def tests_of(copy: Path, path: Path) -> Iterator[list[str]]:
    """Tests to run, those first that are likely to fail: the module's own, then its folder's."""
    folder = Path("tests", *path.parent.parts[1:])
    own = folder / f"test_{path.stem}.py"
    yield [str(path), *([str(own)] if (copy / own).exists() else [])]
    while not (copy / folder).exists():
        folder = folder.parent
    yield [str(folder), f"--deselect={own}"]


def fails(copy: Path, tests: list[str]) -> bool:
    """Whether one of these tests fails, or they do not end."""
    # Rewritten asserts would say more in a module that is given for its doctests than elsewhere.
    options = ["-x", "-q", "-p", "no:cacheprovider", "--assert=plain"]
    command = [sys.executable, "-m", "pytest", *options, *tests]
    environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        finished = subprocess.run(
            command, cwd=copy, env=environment, capture_output=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return True
    # 5: no test there, as for a module without doctests.
    return finished.returncode not in (0, 5)


if __name__ == "__main__":
    sys.exit(main())
