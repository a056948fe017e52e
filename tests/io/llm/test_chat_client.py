"""Chat completions of a stand-in: what is sent, what is taken, and that the key is never shown."""

import gzip
import json
from collections.abc import Iterator

import pytest

from protsae.errors import UserError
from protsae.io.http.retries import RetryPolicy
from protsae.io.llm.chat_client import KEY_VARIABLE, RETRIES, ChatClient, Completion
from tests.helpers.chat_server import ChatServer, Reply, chat_server, completion, refusal

KEY = "sk-secret-123"
PROMPT = [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]
QUICK = RetryPolicy(attempts=2, backoff=0.001, answer=30.0)


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with chat_server(lambda _: completion("hello")) as served:
        yield served


def ask(server: ChatServer, key: str = KEY, lines: list[str] | None = None) -> Completion:
    said: list[str] = [] if lines is None else lines
    client = ChatClient(server.url, "some-llm", key, said.append, QUICK)
    try:
        return client.ask(PROMPT)
    finally:
        client.close()
        assert not any(KEY in line for line in said)


def test_what_is_sent_and_taken(server: ChatServer) -> None:
    assert ask(server) == Completion("hello", "stop", "stand-in-2026", 1009, 53)
    assert server.asked == [{"model": "some-llm", "messages": PROMPT}]
    assert server.headers[0]["Authorization"] == f"Bearer {KEY}"
    assert server.headers[0]["Content-Type"] == "application/json"


def test_without_a_key_none_is_sent(server: ChatServer) -> None:
    ask(server, key="")
    assert "Authorization" not in server.headers[0]


def test_passwords_of_a_netrc_are_not_sent(
    server: ChatServer, tmp_path: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"  # type: ignore[operator]
    netrc.write_text("default login me password other")
    monkeypatch.setenv("NETRC", str(netrc))
    ask(server)
    assert server.headers[0]["Authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    "passing",
    [
        refusal(429, f"Rate limit reached for {KEY}", Retry_After="0"),
        refusal(503, "overloaded"),
        refusal(500, "?"),
    ],
)
def test_what_may_pass_is_asked_again(server: ChatServer, passing: Reply) -> None:
    server.replies = [passing, passing]
    assert ask(server).text == "hello"
    assert len(server.asked) == 3


def test_what_lasts_is_told_without_the_key(server: ChatServer) -> None:
    server.replies = [refusal(429, f"Rate limit reached for {KEY}")] * 3
    with pytest.raises(UserError) as error:
        ask(server)
    text = str(error.value)
    assert "still HTTP 429: Rate limit reached for ***; run again later to go on" in text


def test_a_pause_that_the_endpoint_asks_for_is_told(server: ChatServer) -> None:
    server.replies = [refusal(429, KEY, Retry_After="1")]
    lines: list[str] = []
    ask(server, lines=lines)
    assert lines == ["the endpoint asks to wait 1 s; waiting (HTTP 429: ***; try 1 of 3)"]


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_told_without_what_the_endpoint_says(
    server: ChatServer, status: int
) -> None:
    server.replies = [refusal(status, "Incorrect API key provided: sk-se******123.")]
    with pytest.raises(UserError) as error:
        ask(server)
    url = f"{server.url}/chat/completions"
    assert (
        str(error.value) == f"{url}: HTTP {status}: the endpoint refuses the key in {KEY_VARIABLE}"
    )
    assert len(server.asked) == 1


def test_a_missing_key_is_named(server: ChatServer) -> None:
    server.replies = [refusal(401, "You didn't provide an API key.")]
    with pytest.raises(UserError, match=f"a request without a key; give one in {KEY_VARIABLE}"):
        ask(server, key="")


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (refusal(404, "The model `x` does not exist"), "HTTP 404: The model `x` does not exist"),
        (refusal(400, "too long"), "HTTP 400: too long; check --endpoint and --llm"),
        ((400, {}, b'{"error": "no such model"}'), "HTTP 400: no such model"),
        ((302, {"Location": "/v2"}, b""), "HTTP 302: Found"),
        ((200, {}, b'{"error": {"message": "no credits"}}'), "no credits; check --endpoint"),
        ((200, {}, b"<html>"), "the answer is no chat completion (Expecting value"),
        ((200, {}, b"[]"), "the answer is no chat completion (list indices"),
        ((200, {}, b"{}"), "the answer is no chat completion (no 'choices'); check --endpoint"),
        ((200, {}, b'{"choices": []}'), "no chat completion (list index out of range)"),
        ((200, {}, b'{"choices": [{"message": {"content": [1]}}]}'), "content is a list of 1"),
    ],
)
def test_other_answers_stop(server: ChatServer, reply: Reply, message: str) -> None:
    server.replies = [reply]
    with pytest.raises(UserError) as error:
        ask(server)
    assert message in str(error.value)
    assert len(server.asked) == 1


def test_a_refusal_of_the_llm_is_an_empty_answer(server: ChatServer) -> None:
    server.replies = [completion(None, "content_filter")]
    assert (ask(server).text, server.replies) == ("", [])


def test_usage_that_is_no_count_is_none(server: ChatServer) -> None:
    status, headers, body = completion("x")
    document = json.loads(body) | {"usage": {"prompt_tokens": "7", "completion_tokens": -1}}
    server.replies = [(status, headers, json.dumps(document).encode())]
    found = ask(server)
    assert (found.input_tokens, found.output_tokens) == (None, None)


def test_a_key_that_is_sent_back_is_not_kept(server: ChatServer) -> None:
    server.replies = [completion(f"your key is {KEY}")]
    assert ask(server).text == "your key is ***"


@pytest.mark.parametrize(
    ("endpoint", "key", "message"),
    [
        ("http://example.org/v1", KEY, "would send the key in plain text"),
        ("https://example.org/v1?key=1", "", "expected no '?' and no '#'"),
        ("https://me:pw@example.org/v1", "", "without user and password"),
        ("example.org", "", "--endpoint is 'example.org'; expected http(s)://host"),
        ("https://example.org", "a b", "expected printable ASCII characters without blanks"),
    ],
)
def test_addresses_and_keys_that_are_refused(endpoint: str, key: str, message: str) -> None:
    with pytest.raises(UserError) as error:
        ChatClient(endpoint, "x", key, print)
    assert message in str(error.value)
    assert KEY not in str(error.value)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_a_key_may_go_to_this_machine_in_plain_text(host: str) -> None:
    ChatClient(f"http://{host}:8000/v1", "x", KEY, print).close()


def test_an_answer_may_take_ten_minutes_and_all_tries_an_hour() -> None:
    assert (RETRIES.silence, RETRIES.answer, RETRIES.page) == (10 * 60, 10 * 60, 60 * 60)


def test_the_largest_answer_has_16_mib(server: ChatServer) -> None:
    status, headers, body = completion("hello")
    client = ChatClient(server.url, "some-llm", "", print)
    server.replies = [
        (status, headers, body.ljust(16 * 2**20)),
        (status, headers, body.ljust(16 * 2**20 + 1)),
        (status, headers, gzip.compress(bytes(16 * 2**20 + 1))),
    ]
    assert client.ask(PROMPT).text == "hello"
    for unpacked in ("", " unpacked"):
        with pytest.raises(UserError, match=f"an answer of more than 16 MiB{unpacked}; expected "):
            client.ask(PROMPT)
    client.close()


def test_no_tokens_are_a_count_and_true_is_none(server: ChatServer) -> None:
    status, headers, body = completion("x")
    document = json.loads(body) | {"usage": {"prompt_tokens": 0, "completion_tokens": True}}
    server.replies = [(status, headers, json.dumps(document).encode())]
    found = ask(server)
    assert (found.input_tokens, found.output_tokens) == (0, None)


@pytest.mark.parametrize(("key", "shown"), [("abcde", "abcde"), ("abcdef", "***")])
def test_a_key_is_hidden_from_six_characters_on(server: ChatServer, key: str, shown: str) -> None:
    server.replies = [completion(f"your key is {key}")]
    assert ask(server, key).text == f"your key is {shown}"


def test_why_an_answer_is_none_is_cut_at_100_characters(server: ChatServer) -> None:
    server.replies = [(200, {}, b'{"choices": ' + b"1" * 5000 + b"}")]
    with pytest.raises(UserError) as error:
        ask(server)
    why = (
        "Exceeds the limit (4300 digits) for integer string conversion: value has 5000 digits; use "
        "sys.set..."
    )
    assert len(why) == 100
    assert f"the answer is no chat completion ({why}); check --endpoint" in str(error.value)
