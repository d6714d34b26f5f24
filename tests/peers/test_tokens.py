"""The prompts of srtctl replay are as long as the trace says, and share what it says, in Qwen3's own tokenizer.

The tokenizer takes 10 to 40 minutes of two cores for all 145 million tokens of the published trace. So it is run over rows
spread evenly over it (PEERS_ROWS of them, or "all"), and over each word that occurs in any row. All rows are counted by their
words.
"""

import os
import re

import pytest
from conftest import MODEL, QWEN3, SRTCTL, BodyCatcher, read_rows, run, write_rows
from tokenizers import Tokenizer

BLOCK = 512
ROWS = os.environ.get("PEERS_ROWS", "200")


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer.from_file(str(QWEN3 / "tokenizer.json"))


def replay(trace, on_prompt, *flags):
    """Sends the trace's requests as fast as they go and calls on_prompt(row number, prompt, body) for each."""

    def on_body(headers, body):
        on_prompt(int(headers["X-Correlation-ID"].rsplit("_", 1)[1]), prompt_of(body), body)

    def prompt_of(body):
        if "prompt" in body:
            return body["prompt"]
        (message,) = body["messages"]
        assert message["role"] == "user"
        return message["content"]

    with BodyCatcher(on_body) as target:
        command = [SRTCTL, "replay", "-m", MODEL, "--url", target.url, "--streaming", "--input-file", trace]
        command += ["--no-fixed-schedule", "--concurrency", 8, "--random-seed", 42, "--ui", "none", "--no-server-metrics"]
        code, out, err = run([*command, "--export-level", "summary", *flags], seconds=280)
    # 6: this target answers less than it was asked for.
    assert code in (0, 6), f"{code}\n{out[-2000:]}\n{err[-2000:]}"


class Sharing:
    """Equal ids must have equal tokens and different ids different ones; `tokens` are of any hashable kind."""

    def __init__(self):
        self.tokens_of = {}
        self.id_of = {}

    def add(self, row, tokens):
        for block, start in enumerate(range(0, row["input_length"], BLOCK)):
            part = tuple(tokens[start : start + BLOCK])
            # A last block that is cut off is the start of what the whole block would be; so its size is a part of the key.
            key = (row["hash_ids"][block], len(part))
            digest = (len(part), hash(part))
            assert self.tokens_of.setdefault(key, digest) == digest, f"block {key} differs from row to row"
            if len(part) >= 16:
                assert self.id_of.setdefault(digest, key) == key, f"blocks {key} and {self.id_of[digest]} are the same text"


def spread(rows, count):
    """`count` indices of rows spread evenly, and always the longest and the shortest prompt."""
    if count == "all" or int(count) >= len(rows):
        return set(range(len(rows)))
    chosen = {i * len(rows) // int(count) for i in range(int(count))}
    by_length = sorted(range(len(rows)), key=lambda i: rows[i]["input_length"])
    return chosen | {by_length[0], by_length[-1]}


@pytest.mark.parametrize("words", ["built-in", "of the tokenizer"])
def test_every_row_is_as_long_as_it_says(conversation, tokenizer, tmp_path, words):
    rows = read_rows(conversation)
    chosen = spread(rows, ROWS if words == "built-in" else 20)
    seen, wrong, vocabulary, texts, sharing = set(), [], set(), {}, Sharing()
    all_rows = words == "built-in"  # the other list: the rows that are chosen, and 1,000 more

    def on_prompt(number, prompt, body):
        seen.add(number)
        assert body["max_completion_tokens"] == rows[number]["output_length"]
        first, *parts = prompt.split(" ")
        if first or len(parts) != rows[number]["input_length"]:
            wrong.append(number)
        vocabulary.update(parts)
        sharing.add(rows[number], parts)
        if number in chosen:
            texts[number] = prompt

    flags = ["--artifact-dir", tmp_path / "artifacts"]
    if words != "built-in":
        flags += ["--tokenizer", QWEN3]
    if not all_rows:
        flags += ["--request-count", 1000]
    replay(conversation, on_prompt, *flags)
    expected = len(rows) if all_rows else 1000
    assert len(seen) == expected
    assert wrong == []

    # Each word is one token, on its own and (below) beside any other.
    assert all(re.fullmatch("[a-z]+", word) for word in vocabulary)
    listed = sorted(vocabulary)
    alone = tokenizer.encode_batch([" " + word for word in listed], add_special_tokens=False)
    assert [word for word, encoding in zip(listed, alone) if len(encoding.ids) != 1] == []
    id_of = {word: encoding.ids[0] for word, encoding in zip(listed, alone)}

    numbers = sorted(texts)
    assert len(numbers) >= min(200 if all_rows else 1, len(rows))
    token_sharing = Sharing()
    for start in range(0, len(numbers), 16):
        some = numbers[start : start + 16]
        encodings = tokenizer.encode_batch_fast([texts[i] for i in some], add_special_tokens=False)
        for number, encoding in zip(some, encodings):
            ids = encoding.ids
            assert len(ids) == rows[number]["input_length"], f"row {number}"
            assert ids == [id_of[word] for word in texts[number].split(" ")[1:]], f"row {number}"
            token_sharing.add(rows[number], ids)


def test_shared_prefixes_token_for_token(tokenizer, conversation, tmp_path):
    """Two prompts have the same tokens exactly as far as they have the same blocks, and differ at once behind them."""
    rows = [row for row in read_rows(conversation)[:600] if row["input_length"] <= 10000][:100]
    path = write_rows(tmp_path / "trace.jsonl", rows)
    texts = {}
    replay(path, lambda number, prompt, _: texts.update({number: prompt}), "--artifact-dir", tmp_path / "artifacts")
    encodings = tokenizer.encode_batch_fast([texts[i] for i in range(len(rows))], add_special_tokens=False)
    tokens = [encoding.ids for encoding in encodings]
    for i in range(len(rows)):
        for j in range(i):
            shared = common(rows[i]["hash_ids"], rows[j]["hash_ids"])
            limit = min(len(tokens[i]), len(tokens[j]))
            # Blocks of a different id differ within 8 tokens, unless one of the prompts ends there.
            at_least, at_most = min(shared * BLOCK, limit), min(shared * BLOCK + 8, limit)
            assert at_least <= common(tokens[i], tokens[j]) <= at_most, (i, j)


def common(a, b):
    """The length of the common prefix of two lists."""
    low, high = 0, min(len(a), len(b))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if a[low:middle] == b[low:middle] else (low, middle - 1)
    return low


def test_token_ids_are_as_many(conversation, tmp_path):
    rows, seen, sharing = read_rows(conversation), {}, Sharing()

    def on_prompt(number, prompt, _):
        seen[number] = len(prompt)
        assert all(type(token) is int and token >= 0 for token in prompt)
        sharing.add(rows[number], prompt)

    flags = ["--endpoint-type", "completions", "--prompt-format", "token-ids", "--request-count", 200]
    replay(conversation, on_prompt, *flags, "--artifact-dir", tmp_path / "artifacts")
    assert seen == {i: rows[i]["input_length"] for i in range(200)}
