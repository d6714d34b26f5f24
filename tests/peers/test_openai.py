"""The PyPI client `openai` against srtctl serve."""

import openai
import pytest
from conftest import MODEL, TEMPLATE_TOKENS, eventually, load, metric

HELLO = [{"role": "user", "content": "hello"}]


@pytest.fixture
def server(serve):
    return serve("--time-scale", 20, "--context-length", 4096)


def client_of(server):
    return openai.OpenAI(base_url=server.urls[0] + "/v1", api_key="none", max_retries=0, timeout=60)


def test_models(server):
    models = client_of(server).models.list().data
    assert [model.id for model in models] == [MODEL]


def test_chat(server):
    answer = client_of(server).chat.completions.create(model=MODEL, messages=HELLO, max_completion_tokens=7)
    choice = answer.choices[0]
    assert choice.message.role == "assistant"
    assert len(choice.message.content.split()) == 7
    assert choice.finish_reason == "length"
    assert answer.usage.completion_tokens == 7
    assert answer.usage.prompt_tokens == 1 + TEMPLATE_TOKENS
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + 7


def test_chat_of_content_parts(server):
    parts = [{"role": "system", "content": "hello"}, {"role": "user", "content": [{"type": "text", "text": "and then"}]}]
    answer = client_of(server).chat.completions.create(model=MODEL, messages=parts, max_tokens=2)
    assert answer.usage.prompt_tokens == 3 + TEMPLATE_TOKENS


def test_chat_stream(server):
    client = client_of(server)
    stream = client.chat.completions.create(
        model=MODEL, messages=HELLO, max_tokens=9, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    usage = chunks.pop().usage
    assert chunks[0].choices[0].delta.role == "assistant"
    words = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices[0].delta.content]
    assert len(words) == 9  # one token a chunk
    assert [chunk.choices[0].finish_reason for chunk in chunks] == [None] * (len(chunks) - 1) + ["length"]
    assert all(chunk.usage is None for chunk in chunks)
    assert usage.completion_tokens == 9
    whole = client.chat.completions.create(model=MODEL, messages=HELLO, max_tokens=9)
    assert whole.choices[0].message.content == "".join(words)
    assert whole.usage.prompt_tokens == usage.prompt_tokens


def test_chat_stream_without_usage(server):
    chunks = list(client_of(server).chat.completions.create(model=MODEL, messages=HELLO, max_tokens=2, stream=True))
    assert all(chunk.choices and chunk.usage is None for chunk in chunks)


@pytest.mark.parametrize(
    "prompt, prompt_tokens", [("hello and then the other one", 6), ([1, 2, 3, 4, 5], 5)], ids=["text", "ids"]
)
def test_completions(server, prompt, prompt_tokens):
    client = client_of(server)
    whole = client.completions.create(model=MODEL, prompt=prompt, max_tokens=5)
    assert len(whole.choices[0].text.split()) == 5
    assert whole.choices[0].finish_reason == "length"
    assert whole.usage.completion_tokens == 5
    assert whole.usage.prompt_tokens == prompt_tokens
    stream = client.completions.create(
        model=MODEL, prompt=prompt, max_tokens=5, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    assert chunks[-1].usage.prompt_tokens == whole.usage.prompt_tokens
    assert "".join(chunk.choices[0].text for chunk in chunks[:-1]) == whole.choices[0].text


def test_cached_tokens_grow(server):
    client = client_of(server)
    words = " and the other" * 200

    def cached(messages):
        usage = client.chat.completions.create(model=MODEL, messages=messages, max_tokens=4).usage
        return usage.prompt_tokens, usage.prompt_tokens_details.cached_tokens

    first_prompt, first_cached = cached([{"role": "user", "content": words}])
    assert first_cached == 0
    again_prompt, again_cached = cached([{"role": "user", "content": words}])
    assert again_prompt == first_prompt
    # The engine computes at least one token; no page is larger than 64.
    assert first_prompt - 64 <= again_cached < first_prompt
    longer_prompt, longer_cached = cached([{"role": "user", "content": words + " with more of it" * 50}])
    assert longer_prompt > first_prompt
    assert 600 - 64 <= longer_cached <= first_prompt
    assert metric(server.urls[0], "cached_tokens_total") == again_cached + longer_cached


NOT_FOUND, BAD = openai.NotFoundError, openai.BadRequestError
ERRORS = {
    "unknown model": ({"model": "no-such-model"}, NOT_FOUND, "no-such-model"),
    "prompt too long": ({"messages": [{"role": "user", "content": " word" * 5000}]}, BAD, "4096"),
    "answer too long": ({"max_tokens": 5000}, BAD, "4096"),
    "text for a number": ({"max_tokens": "many"}, BAD, "max_tokens"),
    "number below 0": ({"max_tokens": -1}, BAD, "max_tokens"),
    "text for messages": ({"messages": "hello"}, BAD, "messages"),
    "number for content": ({"messages": [{"role": "user", "content": 5}]}, BAD, "content"),
    "no messages": ({"messages": []}, BAD, "messages"),
    "number for stop": ({"stop": 5}, BAD, "stop"),
    "several answers": ({"n": 2}, BAD, "n"),
}


@pytest.mark.parametrize("request_, error, about", ERRORS.values(), ids=ERRORS.keys())
@pytest.mark.parametrize("stream", [False, True])
def test_errors(server, request_, error, about, stream):
    client = client_of(server)
    request = {"model": MODEL, "messages": HELLO, "max_tokens": 3, "stream": stream, **request_}
    with pytest.raises(error) as caught:
        client.chat.completions.create(**request)
    assert about in caught.value.message
    assert caught.value.body["type"] in ("BadRequestError", "NotFoundError", "invalid_request_error")
    # The connection and the server are none the worse.
    assert client.chat.completions.create(model=MODEL, messages=HELLO, max_tokens=1).usage.completion_tokens == 1


def test_unknown_path(server):
    with pytest.raises(openai.NotFoundError):
        client_of(server).embeddings.create(model=MODEL, input="hello")


def test_abandoned_stream_frees_the_worker(serve):
    server = serve()  # real time: 4,000 tokens would take most of a minute
    url = server.urls[0]
    client = client_of(server)
    stream = client.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": " and so on" * 100}], max_tokens=4000, stream=True
    )
    for _, _chunk in zip(range(5), stream):
        pass
    assert load(url)["num_reqs"] == 1
    assert metric(url, "num_running_reqs") == 1
    assert metric(url, "num_used_tokens") > 300
    stream.close()
    assert eventually(lambda: load(url) == {"num_reqs": 0, "num_waiting_reqs": 0, "num_tokens": 0}, 5), load(url)
    assert metric(url, "num_running_reqs") == 0
    assert metric(url, "num_used_tokens") == 0
    assert metric(url, "num_aborted_requests_total") == 1
    assert metric(url, "generation_tokens_total") < 4000
