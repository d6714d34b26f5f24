"""What docs/python.md shows, run as it stands with pandas on files that srtctl has just written."""

import json
import os
import pathlib
import re
import subprocess
import warnings

from conftest import ROOT, SRTCTL


def code_of(document):
    return "\n".join(re.findall(r"^```python\n(.*?)^```", document, re.MULTILINE | re.DOTALL))


def command_of(document):
    return re.search(r"^    srtctl (simulate .*)$", document, re.MULTILINE).group(1).split()


def test_the_documents_example_reads_the_files(tmp_path, monkeypatch, capsys):
    document = (ROOT / "docs/python.md").read_text()
    trace = tmp_path / "conversation_trace.jsonl"
    subprocess.run([SRTCTL, "trace", "synthesize", "--like", "conversation", "--requests", "2000", "-o", trace], check=True)
    (tmp_path / "recipies").symlink_to(ROOT / "recipies")
    monkeypatch.chdir(tmp_path)
    subprocess.run([SRTCTL, *command_of(document)], check=True, env={**os.environ, "SRTCTL_TRACE_DIR": str(tmp_path)})

    names = {}
    warnings.simplefilter("error")
    exec(compile(code_of(document), "docs/python.md", "exec"), names)
    assert "requests met" in capsys.readouterr().out

    summary = json.loads(pathlib.Path("artifacts/summary.json").read_text())
    requests = names["requests"]
    assert len(requests) == summary["requests"] == 2000
    assert requests.start.is_monotonic_increasing
    for column in ("ttft_ms", "itl_ms"):
        for percentile in (50, 90, 99):
            read = requests[column].quantile(percentile / 100)
            assert abs(read - summary[column][f"p{percentile}"]) < 1e-6, (column, percentile)
    good = (requests.ttft_ms <= summary["limits"]["ttft_ms"]) & ~(requests.itl_ms > summary["limits"]["itl_ms"])
    assert good.sum() == summary["good_requests"]
    assert names["summary"].goodput_fraction == summary["goodput_fraction"]
