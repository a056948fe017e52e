"""The judge of an input sees what it should: no fault passes as a refusal."""

import mmap
from collections.abc import Callable

import pytest
from hypothesis import strategies as st

from protsae.errors import UserError
from tests.fuzz import bounds
from tests.fuzz.parsers import Parser
from tests.fuzz.test_any_input import outcome


def judged(read: Callable[[], None]) -> str:
    return outcome(Parser(st.just({}), read, names=("given",)), {"given": b""})


def refuse(message: str) -> None:
    raise UserError(message)


def loop() -> None:
    while True:
        pass


def fill() -> None:
    # Much more than is allowed: the system may page some of it out. In pages of its own: after
    # 10,000 inputs the heap has as much to spare, which is in use already.
    with mmap.mmap(-1, 1 << 29) as pages:
        pages[:: mmap.PAGESIZE] = b"x" * (len(pages) // mmap.PAGESIZE)


def crash() -> None:
    raise KeyError("x")


def test_what_is_read_and_what_is_refused() -> None:
    assert judged(lambda: None) == "read"
    assert judged(lambda: refuse("given: empty")) == "refused"
    assert judged(lambda: refuse("given:\nempty\x01")) == "refused"  # a UserError is one line


@pytest.mark.parametrize(
    ("read", "error", "message"),
    [
        pytest.param(crash, KeyError, "x", id="crash"),
        pytest.param(loop, AssertionError, "s of processor time", id="loop"),
        pytest.param(fill, AssertionError, "MB more memory", id="memory"),
        pytest.param(lambda: refuse("empty"), AssertionError, "none of", id="no-name"),
        pytest.param(lambda: refuse("given" * 999), AssertionError, "characters", id="long"),
    ],
)
def test_what_is_neither(
    monkeypatch: pytest.MonkeyPatch,
    read: Callable[[], None],
    error: type[Exception],
    message: str,
) -> None:
    monkeypatch.setattr(bounds, "SECONDS", 0.5)
    monkeypatch.setattr(bounds, "MEGABYTES", 100)
    with pytest.raises(error, match=message):
        judged(read)
