"""Rows with literal prompts and extra members: srtctl replay sends the bodies that aiperf 0.13 sends, member by member."""

import copy
import json
import re

import pytest
from conftest import MODEL, SRTCTL, TEMPLATE_TOKENS, BodyCatcher, read_rows, run, write_rows

TOOL = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object", "properties": {}}}}


def user(text):
    return {"role": "user", "content": text}


def timed(rows):
    """The first row of each session gets a time, 50 ms after the one before."""
    seen = set()
    for i, row in enumerate(rows):
        if row.get("session_id") not in seen:
            row["timestamp"] = 50 * i
        if "session_id" in row:
            seen.add(row["session_id"])
    return rows


# Each has a mark "row-N" of its own in the text that is last in its prompt.
CHAT = timed([
    {"text_input": 'row-0 "quoted" \\ é 中 \U0001f600\n\ttab </end>', "output_length": 5},
    {"text_input": "row-1", "extra": {"temperature": 0.25, "ignore_eos": False, "nested": {"a": [1, None, "é"]}}},
    {"text_input": "row-2", "output_length": 4, "extra": {"stream_options": {"continuous_usage_stats": True}}},
    {"text_input": "row-3", "output_length": 4, "extra": {"stream": False}},
    {"text_input": "row-4", "output_length": 4, "extra": {"max_completion_tokens": 2, "model": "another"}},
    {"messages": [{"role": "system", "content": "be short"}, user("row-5")], "tools": [TOOL], "output_length": 3},
    {
        "messages": [
            user([{"type": "text", "text": "what is it"}, {"type": "image_url", "image_url": {"url": "data:,x"}}]),
            {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "type": "function", "function": {}}]},
            {"role": "tool", "tool_call_id": "1", "content": "row-6"},
        ],
        "extra": {"top_k": 7},
    },
    {
        "payload": {"model": "own", "messages": [user("row-7")], "stream": True, "max_tokens": 2, "odd": {"b": 1.5}},
        "output_length": 9,
        "extra": {"top_k": 7},
    },
    {"payload": {"messages": [user("row-8")], "temperature": 0}},
    # Conversations: texts are turns and get the answers in between, messages and payloads are sent as they are.
    {"session_id": "texts", "text_input": "row-9", "output_length": 2},
    {"session_id": "texts", "text_input": "row-10", "output_length": 2, "delay": 20, "extra": {"seed": 1}},
    {"session_id": "texts", "text_input": "row-11"},
    {"session_id": "messages", "messages": [user("row-12")], "tools": [TOOL]},
    {"session_id": "messages", "messages": [user("a"), {"role": "assistant", "content": "b"}, user("row-13")], "delay": 5},
    {"session_id": "payloads", "payload": {"messages": [user("row-14")], "stream": True}},
    {"session_id": "payloads", "payload": {"messages": [user("a"), user("row-15")], "stream": True}, "delay": 5},
])
COMPLETIONS = timed([
    {"text_input": "row-0 \"quoted\"", "output_length": 5},
    {"text_input": "row-1", "extra": {"temperature": 0.25, "stream_options": None}},
    {"payload": {"prompt": "row-2", "max_tokens": 3, "stream": True}, "output_length": 3},
    {"payload": {"prompt": ["a", "row-3"]}},
])


def keyed(bodies):
    """By the number of the last mark in the prompt."""
    marks = [re.findall(r"row-(\d+)", json.dumps(body)) for body in bodies]
    by_row = {int(found[-1]): body for found, body in zip(marks, bodies)}
    assert len(by_row) == len(bodies), marks
    return by_row


def bodies_sent(send):
    bodies = []
    with BodyCatcher(lambda _, body: bodies.append(copy.deepcopy(body))) as target:
        send(target.url)
    return keyed(bodies)


def ours(flags, folder):
    def send(url):
        code, out, err = run([SRTCTL, "replay", *flags, "--url", url, "--no-server-metrics", "--artifact-dir", folder])
        behind = code == 6 and "fell behind its schedule" in err and err.count("not valid") == 1
        assert code == 0 or behind, f"{code}\n{out}\n{err}"
        assert all(record.get("error") is None for record in read_rows(folder / "profile_export.jsonl"))

    return bodies_sent(send)


@pytest.mark.parametrize("endpoint, rows", [("chat", CHAT), ("completions", COMPLETIONS)], ids=["chat", "completions"])
def test_the_same_bodies_as_aiperf(aiperf, tmp_path, endpoint, rows):
    trace = write_rows(tmp_path / "rows.jsonl", rows)
    flags = [
        *("-m", MODEL, "--endpoint-type", endpoint, "--input-file", trace, "--custom-dataset-type", "mooncake_trace"),
        *("--fixed-schedule", "--streaming"),
    ]
    # With extra inputs that a row's own win over. ignore_eos is among them: left to itself only ours asks for it.
    more = ["--extra-inputs", "ignore_eos:true", "--extra-inputs", "temperature:1.5"]
    our_bodies = ours([*flags, *more], tmp_path / "ours")
    their_bodies = bodies_sent(lambda url: aiperf(*flags, *more, "--tokenizer", MODEL, "--url", url, "--no-server-metrics"))
    assert sorted(our_bodies) == list(range(len(rows)))
    assert our_bodies.keys() == their_bodies.keys()
    for number, body in our_bodies.items():
        assert body == their_bodies[number], number
    for number, row in enumerate(rows):
        if "payload" in row:
            assert our_bodies[number] == row["payload"]

    # Without: where the row says how long its answer is, ours asks the engine to go on to that length, unless the row says
    # something else; aiperf never does. No payload is touched.
    for number, body in ours(flags, tmp_path / "plain").items():
        row, theirs = rows[number], copy.deepcopy(their_bodies[number])
        if "payload" not in row:
            for name in ("ignore_eos", "temperature"):
                if name not in row.get("extra", {}):
                    del theirs[name]
            if "output_length" in row:
                theirs.setdefault("ignore_eos", True)
        assert body == theirs, number


def test_what_the_endpoint_cannot_take_is_told_before_anything_is_sent(tmp_path):
    rows = write_rows(tmp_path / "rows.jsonl", CHAT)
    got = []
    with BodyCatcher(lambda _, body: got.append(body)) as target:
        flags = ["-m", MODEL, "--url", target.url, "--input-file", rows, "--endpoint-type", "completions"]
        code, _, err = run([SRTCTL, "replay", *flags, "--artifact-dir", tmp_path / "out"])
    assert code == 2, err
    assert got == []
    lines = [int(line) for line in re.findall(r"rows\.jsonl:(\d+):\d+: ", err)]
    assert lines == [6, 7, 11, 12, 13, 14]  # those with messages, and the later turns of texts


def test_literal_prompts_against_serve(serve, tmp_path):
    """The server counts the text as simulate and trace analyze do, and finds what messages have in common."""
    text = " ".join(["the house and the garden"] * 60)
    rows = timed([
        {"text_input": text, "output_length": 7},
        {"messages": [user(text), {"role": "assistant", "content": "so"}, user(text)], "output_length": 7},
        {"payload": {"model": MODEL, "messages": [user(text)], "stream": True, "max_tokens": 4, "ignore_eos": True}},
    ])
    trace = write_rows(tmp_path / "rows.jsonl", rows)
    server = serve("--instant", "--page-size", 64)
    flags = ["-m", MODEL, "--url", server.urls[0], "--input-file", trace, "--streaming", "--artifact-dir", tmp_path / "out"]
    code, out, err = run([SRTCTL, "replay", *flags])
    assert code in (0, 6), f"{out}\n{err}"
    records = read_rows(tmp_path / "out/profile_export.jsonl")
    assert [record.get("error") for record in records] == [None] * 3
    metrics = {record["metadata"]["conversation_id"][-1]: record["metrics"] for record in records}
    assert [metrics[i]["output_sequence_length"]["value"] for i in "012"] == [7, 7, 4]

    code, out, err = run([SRTCTL, "trace", "analyze", trace, "--json"])
    assert code == 0, err
    analysis = json.loads(out)
    assert analysis["literal_prompts"] == 3
    # A prompt is as long as the server says, its chat template included; the payload does not ask it to.
    lengths = [metrics[i]["input_sequence_length"]["value"] for i in "012"]
    counted = [lengths[0] - TEMPLATE_TOKENS, lengths[1] - TEMPLATE_TOKENS, lengths[2]]
    assert analysis["input_tokens"]["mean"] == pytest.approx(sum(counted) / 3)
    assert analysis["input_tokens"]["max"] == max(counted) == 601
    assert metrics["1"]["usage_prompt_cache_read_tokens"]["value"] > 0
