"""Pauses between repetitions, on a clock that the tests turn."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from protsae.errors import UserError
from protsae.io.http import retries
from protsae.io.http.responses import in_bytes
from protsae.io.http.retries import Passing, RetryPolicy, Waiting, asked_seconds, in_seconds

BUSY = Passing("HTTP 503: Busy", "", "run again later")
LOST = Passing("cannot be reached", "ConnectionError")
NOW = datetime(2026, 10, 21, 7, 28, tzinfo=UTC)


@pytest.fixture
def clock(monkeypatch):
    """Pauses so far, which pass at once."""
    pauses = []
    monkeypatch.setattr(retries, "monotonic", lambda: sum(pauses))
    monkeypatch.setattr(retries, "sleep", pauses.append)
    return pauses


def pauses(policy, *faults):
    """Lines said, and the error, if the faults come one after another."""
    lines = []
    waiting = Waiting(policy, "https://x.org", lines.append)
    for fault in faults:
        waiting.pause(fault)
    return lines


def busy(asked):
    return Passing("HTTP 429: Slow down", "", "run again later", asked)


def test_limits_are_those_that_are_documented():
    text = Path(__file__).parents[3].joinpath("docs", "uniprot_query.md").read_text()
    policy = RetryPolicy()
    sizes = f"{in_bytes(policy.largest_body)} as sent, {in_bytes(policy.largest_document)} unpacked"
    for what, limit in (
        ("until there is a connection", f"{policy.connect:g} s"),
        ("between two pieces of an answer", f"{policy.silence:g} s"),
        ("one answer", f"{policy.answer:g} s"),
        ("one page with all retries", f"{policy.page / 60:g} minutes"),
        ("size of an answer", sizes),
    ):
        assert f"| {what} | {limit} |\n" in text
    pauses = f"The first pause is {policy.backoff:g} s; pauses double, up to {policy.longest:g} s."
    assert f"again up to {policy.attempts} times. {pauses}" in " ".join(text.split())
    assert f"waits up to {policy.longest_asked:g} s" in text


def test_pauses_double_up_to_the_longest(clock):
    lines = pauses(RetryPolicy(attempts=5, longest=5), *[LOST] * 5)
    assert clock == [1, 2, 4, 5, 5]
    assert lines[:2] == [
        "UniProt: cannot be reached (ConnectionError); try 1 of 6; again in 1 s",
        "UniProt: cannot be reached (ConnectionError); try 2 of 6; again in 2 s",
    ]


def test_a_short_pause_is_not_said(clock):
    assert pauses(RetryPolicy(backoff=0.1), LOST, busy(0.5)) == []
    assert clock == [0.1, 0.5]


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (BUSY, "still HTTP 503: Busy; run again later to go on from here"),
        (LOST, "cannot be reached 3 times (ConnectionError); run again to go on from here"),
    ],
)
def test_too_many_repetitions(clock, fault, message):
    with pytest.raises(UserError) as error:
        pauses(RetryPolicy(attempts=2), *[fault] * 3)
    assert str(error.value) == f"https://x.org: {message}"
    assert clock == [1, 2]


def test_thousands_of_repetitions_are_no_overflow(clock):
    pauses(RetryPolicy(attempts=3000, page=1e9), *[LOST] * 3000)
    assert clock[-1] == 120


def test_what_the_server_asks_is_waited_and_said(clock):
    lines = pauses(RetryPolicy(), busy(40.0), busy(0.0), busy(None), busy(600.0))
    assert clock == [40, 2, 4, 600]
    assert lines == [
        "UniProt asks to wait 40 s; waiting (HTTP 429: Slow down; try 1 of 9)",
        "UniProt: HTTP 429: Slow down; try 2 of 9; again in 2 s",
        "UniProt: HTTP 429: Slow down; try 3 of 9; again in 4 s",
        "UniProt asks to wait 600 s; waiting (HTTP 429: Slow down; try 4 of 9)",
    ]


def test_what_the_server_asks_is_said_where_it_is_as_long(clock):
    [line] = pauses(RetryPolicy(), busy(1.0))
    assert line == "UniProt asks to wait 1 s; waiting (HTTP 429: Slow down; try 1 of 9)"
    assert clock == [1]


@pytest.mark.parametrize(
    ("asked", "said"),
    [(601.0, "601 s"), (86400.0, "86,400 s"), (float("inf"), "more than 30 years")],
)
def test_what_the_server_asks_beyond_the_bound(clock, asked, said):
    with pytest.raises(UserError) as error:
        pauses(RetryPolicy(), busy(asked))
    assert clock == []
    assert str(error.value) == (
        f"https://x.org: HTTP 429: Slow down; UniProt asks to wait {said}, more than the 600 s "
        "that protsae waits; run again after that to go on from here"
    )


def test_a_page_has_a_time_of_its_own(clock):
    """Three pauses of 600 s are 1,800 s, of which nothing would be left for the answer."""
    with pytest.raises(UserError) as error:
        pauses(RetryPolicy(), *[busy(600.0)] * 3)
    assert clock == [600, 600]
    assert str(error.value) == (
        "https://x.org: still HTTP 429: Slow down; run again later to go on from here (one page "
        "may take 1,800 s)"
    )


def test_an_answer_has_what_is_left_of_its_page(clock):
    waiting = Waiting(RetryPolicy(answer=300, page=1000), "https://x.org", print)
    left = []
    for seconds in (0, 600, 300, 200):
        clock.append(seconds)
        left.append(waiting.left())
    assert left == [300, 300, 100, 0]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        (" 40 ", 40),
        ("1.5", 1.5),
        ("Wed, 21 Oct 2026 07:28:30 GMT", 30),
        ("Wed, 21 Oct 2026 07:28:30 -0000", 30),
        ("Wed, 21 Oct 2026 09:29:00 +0200", 60),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
        ("9" * 5000, float("inf")),
        ("-1", None),
        ("", None),
        ("soon", None),
        ("1e9", None),
        ("\u0664", None),
        ("inf", None),
        ("Wed, 99 Oct 2026 07:28:00 GMT", None),
        ("Wed, 21 Oct 99999999 07:28:00 GMT", None),
        ("\x00\x1b", None),
    ],
)
def test_how_long_a_server_asks_to_wait(text, seconds):
    assert asked_seconds({"Retry-After": text}, NOW) == seconds


def test_a_servers_clock_may_differ():
    headers = {"Retry-After": "Thu, 01 Jan 1970 01:00:40 GMT", "Date": "Thu, 01 Jan 1970 01:00 GMT"}
    assert asked_seconds(headers, NOW) == 40
    assert asked_seconds({}, NOW) is None


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.999, "1 s"),
        (1.4, "1 s"),
        (0.25, "0.25 s"),
        (999_999_999, "999,999,999 s"),
        (1_000_000_001, "more than 30 years"),
    ],
)
def test_seconds_in_words(seconds, said):
    assert in_seconds(seconds) == said
