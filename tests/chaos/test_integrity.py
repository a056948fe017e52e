"""Damaged files of a finished run: each is told by every stage that reads it, and by verify.

A stage that reads a damaged file ends with exit status 2 and one line that names a file; or, where
the damage is in a byte that says nothing, it writes what it wrote before.
"""

import random
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from protsae.errors import UserError
from protsae.run.verify_file import Stamp, check_file
from protsae.run.verify_run import compare, verify_run
from tests.chaos.damage import EVERY
from tests.chaos.levels import LEVEL, shares, told
from tests.helpers.finished_run import RESULTS, Job, copy_run, finished_run, jobs, run_job

BESIDE = dict.fromkeys(("cfg.json", "sae_weights.safetensors"), "protsae.json")
"""Files whose checksum is in another, through which they are read."""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return finished_run(tmp_path_factory)


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    return copy_run(finished, tmp_path / "run")


def test_a_finished_run_is_whole(finished: Path) -> None:
    found = verify_run(finished / RESULTS, 2)
    assert found.problems == []
    assert found.not_run == []
    assert found.n_files > 50


@pytest.mark.parametrize(("part", "n_damaged"), shares(LEVEL.damaged))
def test_every_reader_of_damaged_files(
    part: int, n_damaged: int, finished: Path, run: Path, record_property: Callable[..., None]
) -> None:
    draw = random.Random(part)
    plan = jobs(finished)
    names = [str(Path(path).relative_to(RESULTS)) for path in set(_files(finished))]
    stamps = {name: check_file(finished / RESULTS, name) for name in names}
    counts: Counter[str] = Counter()
    faults = []
    for number in range(n_damaged):
        kind = list(EVERY)[number % len(EVERY)]
        while True:
            path = draw.choice(_files(finished))
            true = (finished / path).read_bytes()
            if EVERY[kind](run / path, draw):
                break
            (run / path).write_bytes(true)
        what = f"{path}, {kind}"
        by_verify = _verify(run, path, stamps, faults, what)
        counts[f"verify: {by_verify}"] += 1
        for job in _readers(plan, path, draw):
            by_stage = _read(finished, run, job, faults, what)
            counts[f"stage: {by_stage}"] += 1
            if by_stage == "told" and by_verify == "silent":
                faults.append(f"{what}: {job.rule} tells, and verify does not")
        (run / path).write_bytes(true)
    record_property("counts", told(f"{n_damaged} damaged files", counts))
    assert not faults, "\n".join(faults)
    assert counts["verify: told"] > 0.6 * n_damaged
    assert counts["stage: told"] > 0.3 * n_damaged


def _files(folder: Path) -> list[str]:
    """Files of the run but its logs, one kind as likely as another."""
    found = [
        path
        for path in sorted((folder / RESULTS).rglob("*"))
        if path.is_file() and path.relative_to(folder / RESULTS).parts[0] not in KEPT
    ]
    by_kind: dict[str, list[str]] = {}
    for path in found:
        kind = f"{path.relative_to(folder / RESULTS).parts[0]}/{path.suffix}"
        by_kind.setdefault(kind, []).append(str(path.relative_to(folder)))
    most = max(map(len, by_kind.values()))
    return [names[i % len(names)] for names in by_kind.values() for i in range(most)]


KEPT = ("logs",)


def _readers(plan: list[Job], path: str, draw: random.Random) -> list[Job]:
    """A few of the jobs that read a file, of different rules."""
    read_as = str(Path(path).with_name(BESIDE.get(Path(path).name, Path(path).name)))
    found = [job for job in plan if read_as in job.inputs]
    by_rule = {job.rule: job for job in draw.sample(found, len(found))}
    return list(by_rule.values())[: 2 if LEVEL.damaged > 20 else 1]


def _verify(run: Path, path: str, stamps: dict[str, Stamp], faults: list[str], what: str) -> str:
    """Whether verify tells; it need not of a byte that says nothing."""
    results, name = run / RESULTS, Path(path).relative_to(RESULTS)
    found = dict(stamps)
    lines = []
    # The other files are as they were: only what is read through the damaged one is read again.
    for other in {name, name.with_name(BESIDE.get(name.name, name.name))}:
        try:
            found[str(other)] = check_file(results, str(other))
        except UserError as error:
            lines.append(str(error))
    lines += [f"{where}: {problem}" for where, problem in compare(found)]
    wrong = [line for line in lines if not line.isprintable() or len(line) > 1000]
    faults += [f"{what}: verify: {line}" for line in wrong]
    return "told" if lines else "silent"


def _read(finished: Path, run: Path, job: Job, faults: list[str], what: str) -> str:
    """Whether a stage tells, and otherwise gives the same results; its outputs are put back."""
    ended = run_job(job, run)
    lines = [line for line in ended.stdout.splitlines() if line.startswith("protsae ")]
    same = all(
        (run / name).read_bytes() == (finished / name).read_bytes()
        for name in job.outputs
        if (run / name).exists()
    )
    verdict = "told" if ended.returncode == 2 and len(lines) == 1 else "silent"
    if ended.returncode not in (0, 2) or "Traceback" in ended.stdout + ended.stderr:
        faults.append(f"{what}: {job.rule} exits {ended.returncode}: {ended.stdout[-2000:]}")
    elif ended.returncode == 2 and len(lines) != 1:
        faults.append(f"{what}: {job.rule} says {ended.stdout[-2000:]}")
    elif ended.returncode == 0 and not same:
        faults.append(f"{what}: {job.rule} gives other results")
    leftovers = list((run / RESULTS).rglob(".tmp-*"))
    faults += [f"{what}: {job.rule} leaves {path}" for path in leftovers]
    for name in job.outputs:
        shutil.copyfile(finished / name, run / name)
    return verdict
