"""Whatever bytes a parser is given: it reads them, or refuses them in one line, within bounds.

``FUZZ_INPUTS`` says how many inputs each parser gets, ``FUZZ_SEED`` which ones. An input that
breaks something is kept, as small as hypothesis finds it, in ``corpus/<parser>``, which is always
read. One that ends the process stays in the folder for temporary files.
"""

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from protsae.errors import UserError
from tests.fuzz.bounds import bounded, validate_refusal
from tests.fuzz.mutations import Files
from tests.fuzz.parsers import PARSERS, Parser

N_INPUTS = int(os.environ.get("FUZZ_INPUTS", "25"))
SEED = os.environ.get("FUZZ_SEED")
CORPUS = Path(__file__).parent / "corpus"
LARGEST_KEPT = 10_000


def outcome(parser: Parser, files: Files) -> str:
    """``read`` or ``refused``.

    Raises
    ------
    Exception
        Whatever else comes of it, which is a fault of the parser.
    """
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for name, content in {**(parser.beside or {}), **files}.items():
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).write_bytes(content)
        try:
            with bounded():
                parser.read()
        except UserError as refusal:
            validate_refusal(str(refusal), parser.names)
            return "refused"
        return "read"


def kept_inputs(name: str) -> list[Files]:
    """Inputs that once broke a parser."""
    return [
        {str(f.relative_to(case)): f.read_bytes() for f in case.rglob("*") if f.is_file()}
        for case in sorted((CORPUS / name).glob("*"))
    ]


def keep(name: str, files: Files) -> Path:
    """Write an input into the corpus; returns its folder."""
    digest = hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest()[:8]
    folder = CORPUS / name / f"found-{digest}"
    shutil.rmtree(folder, ignore_errors=True)
    for file, content in files.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(content)
    return folder


def searched(parser: Parser, judge: Callable[[Files], None]) -> Callable[[], None]:
    """`judge` on `N_INPUTS` inputs of the grammar."""

    @settings(
        max_examples=N_INPUTS,
        derandomize=SEED is None,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    @given(parser.inputs)
    def search(files: Files) -> None:
        judge(files)

    return seed(int(SEED))(search) if SEED is not None else search


@pytest.mark.filterwarnings("ignore:Generating overly large repr")  # it would hide what failed
@pytest.mark.parametrize("name", PARSERS)
def test_read_or_refused_in_one_line(name: str, record_property: Callable[..., None]) -> None:
    counts: Counter[str] = Counter()
    failing: list[Files] = []

    def judge(files: Files) -> None:
        try:
            counts[outcome(PARSERS[name], files)] += 1
        except Exception:
            failing[:] = [files]
            raise

    for files in kept_inputs(name):
        judge(files)
    try:
        searched(PARSERS[name], judge)()
    except Exception as error:
        if failing:  # in place of hypothesis's notes, which show it in full
            error.__notes__ = [f"kept in {keep(name, failing[0])}"]
        raise
    read, refused = counts["read"], counts["refused"]
    line = f"{name}: {counts.total():,} inputs, {read:,} read, {refused:,} refused"
    record_property("counts", line)
    assert read, "no input was read"
    assert refused, "no input was refused"


def test_what_is_kept_is_small() -> None:
    for file in CORPUS.rglob("*"):
        assert file.stat().st_size <= LARGEST_KEPT or file.is_dir(), file
