"""Settings of all tests: hypothesis without deadlines, one thread for torch."""

import gc
import os

import pytest
from hypothesis import HealthCheck, settings

# Shared machines stall; how long an example takes does not depend on the code.
slow = [HealthCheck.too_slow]
settings.register_profile("protsae", deadline=None, suppress_health_check=slow)
settings.load_profile("protsae")

# Tiny tensors gain nothing from more threads, and lose much when cores are shared.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Output is buffered, as in a user's shell.
os.environ.pop("PYTHONUNBUFFERED", None)


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Without the garbage collector: of what collecting makes, next to nothing is garbage.

    Walking through it takes a third of the time, of every worker. Later walks leave it out, too.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture
def without_figures(monkeypatch):
    """Matplotlib draws nothing: for tests of a page's text, which its figures make slow."""
    svg = "<svg></svg>"
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda _, file, **__: file.write(svg))


def pytest_collection_modifyitems(items):
    """The slow ones first: begun last, one would run on while all other cores wait."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_terminal_summary(terminalreporter):
    """What tests have counted, such as the inputs of a fuzz test, as lines below the results."""
    reports = terminalreporter.stats.get("passed", []) + terminalreporter.stats.get("failed", [])
    counts = [text for r in reports for key, text in r.user_properties if key == "counts"]
    for line in sorted(counts):
        terminalreporter.write_line(line)
