"""report.html in a real browser: no complaint, no network, charts with their marks, the figures of summary.json.

REPORT_IMAGES=docs/images writes the pictures of the documentation.
"""

import json
import os
import pathlib

import pytest
from browser import Browser
from conftest import MODEL, ROOT, SRTCTL, run

RECIPES = [ROOT / "recipies/qwen3-32b" / name for name in ("agg-round-robin.yaml", "disagg-kv-router.yaml")]


@pytest.fixture(scope="module")
def compared(conversation, tmp_path_factory):
    """The folder of a comparison on the whole conversation trace."""
    folder = tmp_path_factory.mktemp("report") / "compared"
    command = [SRTCTL, "compare", "--trace", conversation, "-o", folder]
    for recipe in RECIPES:
        command += ["-f", recipe.relative_to(ROOT)]
    code, _, err = run(command, cwd=ROOT)
    assert code == 0, err
    return folder


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    with Browser(tmp_path_factory.mktemp("chromium")) as page:
        yield page


@pytest.fixture
def browser(chromium):
    """The one browser; nothing may be complained of or asked for while a test has it."""
    chromium.errors.clear()
    chromium.requests.clear()
    yield chromium
    chromium.run("0")  # what the page told until now is read
    assert chromium.errors == []
    assert chromium.requests == []


def test_complaints_are_heard(chromium, tmp_path):
    page = tmp_path / "bad.html"
    page.write_text("<img src='http://127.0.0.1:9/x.png'><script>console.error('a'); setTimeout(() => nothing.here)</script>")
    chromium.open(page)
    chromium.run("new Promise((done) => setTimeout(done, 200))")
    assert len(chromium.errors) >= 2
    assert chromium.requests == ["http://127.0.0.1:9/x.png"]


def summaries(folder):
    return [json.loads((folder / recipe).read_text()) for recipe in sorted(p.relative_to(folder) for p in folder.glob("*/summary.json"))]


def figures_shown(browser):
    """The exact values of the table of figures: {row: [value of each run]}."""
    return browser.run(
        """Object.fromEntries([...document.querySelectorAll('#goodput tr, #figures tr')].map((row) => [
             row.querySelector('th').textContent,
             [...row.querySelectorAll('td[data-value]')].map((cell) => Number(cell.dataset.value))]))"""
    )


def test_figures_are_those_of_the_summary(browser, compared):
    browser.open(compared / "report.html")
    shown = figures_shown(browser)
    runs = summaries(compared)
    for row, key in {
        "Requests": "requests",
        "Errors": "errors",
        "Goodput (% of requests)": "goodput_fraction",
        "Goodput (requests/s)": "goodput_rps",
        "Good requests": "good_requests",
        "good_request_count (aiperf's)": "good_request_count",
        "TTFT within its limit (%)": "ttft_within_fraction",
        "ITL within its limit (%)": "itl_within_fraction",
        "Prefix cache hits (% of tokens)": "prefix_hit_rate",
        "Output (tokens/s)": "output_tokens_per_s",
        "Output (tokens/s per GPU)": "output_tokens_per_s_per_gpu",
        "Peak KV use (%), fullest worker": "peak_kv_fraction",
    }.items():
        assert shown[row] == pytest.approx([one[key] for one in runs], rel=1e-12), row
    for row, key in (("TTFT", "ttft_ms"), ("ITL", "itl_ms"), ("E2E latency", "e2e_latency_ms")):
        for figure in ("mean", "p50", "p90", "p99", "max"):
            assert shown[f"{row} {figure} (ms)"] == [one[key][figure] for one in runs]
    best = max(runs, key=lambda one: one["goodput_fraction"])
    assert browser.run("document.querySelector('h1').textContent").startswith(best["recipe"] + " meets the limits")


def test_misses_and_loads_add_up(browser, compared):
    browser.open(compared / "report.html")
    counts = browser.run(
        """[...document.querySelectorAll('#misses tbody tr')].map((row) =>
             [1, 4].map((i) => Number(row.children[i].textContent.replaceAll(',', ''))))"""
    )
    for i, one in enumerate(summaries(compared)):
        assert counts[0][i] == one["good_requests"]
        assert sum(row[i] for row in counts) == one["requests"]
        assert counts[4][i] == one["errors"]
    loads = browser.run("[...document.querySelectorAll('#load tbody tr')].map((row) => [row.children[0].textContent, Number(row.children[1].dataset.value)])")
    assert loads == [[worker["name"], worker["requests"]] for one in summaries(compared) for worker in one["workers"]]


def test_charts_have_their_marks(browser, compared):
    browser.open(compared / "report.html")
    runs = summaries(compared)
    for chart in ("curve-ttft", "curve-itl"):
        assert browser.run(f"document.querySelectorAll('#{chart} .plot path.curve').length") == len(runs)
        assert browser.run(f"document.querySelectorAll('#{chart} .limit-line').length") == 1
    for chart in ("ttft-time", "ttft-length"):
        dots = browser.run(
            f"""[...document.querySelectorAll('#{chart} .plot')].map((plot) =>
                  [...plot.querySelectorAll('path.points')].reduce((n, path) => n + path.getAttribute('d').split('M').length - 1, 0))"""
        )
        assert dots == [one["requests"] - one["errors"] for one in runs]
    lanes = browser.run("[...document.querySelectorAll('#lanes path.edge')].filter((path) => path.getTotalLength() > 10).length")
    assert lanes == 5 * sum(len(one["workers"]) for one in runs)
    assert browser.run("document.querySelectorAll('#hits path.curve').length") == 2 + len(runs)  # with those of the legend
    assert browser.run("document.querySelectorAll('#hits .plot path.bound').length") == 1
    # The curve stands at the limit where the summary says.
    readings = browser.run(
        """JSON.parse(document.getElementById('data').textContent).runs.map((run) =>
             run.ttft.y[run.ttft.x.indexOf(run.ttft_limit_ms)] / 100)"""
    )
    assert readings == pytest.approx([one["ttft_within_fraction"] for one in runs], abs=1e-5)


def test_charts_are_read_and_zoomed(browser, compared):
    browser.open(compared / "report.html")
    ticks = "[...document.querySelectorAll('#curve-ttft .plot text')].map((text) => text.textContent).join(' ')"
    whole = browser.run(ticks)
    browser.run("document.querySelector('#curve-ttft svg').scrollIntoView({block: 'center'})")
    box = browser.run("(({x, y, width, height}) => [x, y, width, height])(document.querySelector('#curve-ttft .plot svg').getBoundingClientRect())")
    x, y, width, height = box
    browser.drag((x + width * 0.5, y + height * 0.5), (x + width * 0.8, y + height * 0.5))
    assert browser.run(ticks) != whole
    assert "is kept by" in browser.run("document.querySelector('#curve-ttft .readout').textContent")
    # With the keyboard only.
    browser.run("document.querySelector('#curve-ttft .plot svg').focus()")
    browser.key("Escape")
    assert browser.run(ticks) == whole
    browser.key("ArrowRight")
    first = browser.run("document.querySelector('#curve-ttft .readout').textContent")
    browser.key("ArrowRight")
    assert browser.run("document.querySelector('#curve-ttft .readout').textContent") != first
    browser.key("+")
    assert browser.run(ticks) != whole
    # Charts over time share their view.
    lanes = "[...document.querySelectorAll('#lanes text')].map((text) => text.textContent).join(' ')"
    before = browser.run(lanes)
    browser.run("document.querySelector('#ttft-time .plot svg').focus()")
    browser.key("ArrowRight")
    browser.key("+")
    assert browser.run(lanes) != before


def test_narrow_dark_and_print(browser, compared):
    browser.open(compared / "report.html", width=400)
    assert browser.run("document.documentElement.scrollWidth") == 400  # nothing sticks out sideways
    light = browser.run("getComputedStyle(document.documentElement).backgroundColor")
    browser.open(compared / "report.html", dark=True)
    assert browser.run("getComputedStyle(document.documentElement).backgroundColor") != light
    assert browser.pdf().startswith(b"%PDF")
    # Each run is told by more than its colour.
    dashes = browser.run("[...document.querySelectorAll('#curve-ttft .plot path.curve')].map((path) => getComputedStyle(path).strokeDasharray)")
    assert len(set(dashes)) == len(dashes)


def test_no_name_becomes_markup(browser, small_trace, tmp_path):
    evil = "<img src=x onerror=alert(1)></script><script>alert(2)</script>"
    recipe = tmp_path / "recipe.yaml"
    text = RECIPES[0].read_text()
    name = next(line for line in text.splitlines() if line.startswith("name:"))
    recipe.write_text(text.replace(name, "name: " + json.dumps(evil)))
    folder = tmp_path / "out"
    code, _, err = run([SRTCTL, "simulate", "-f", recipe, "--trace", small_trace[0], "-o", folder])
    if code != 0:  # a recipe may not be called so: then its files are named so by hand
        assert "name" in err
        code, _, err = run([SRTCTL, "simulate", "-f", RECIPES[0], "--trace", small_trace[0], "-o", folder], cwd=ROOT)
        assert code == 0, err
        for file in ("summary.json", "timeline.json"):
            kept = (folder / file).read_text()
            (folder / file).write_text(kept.replace("qwen3-32b-agg-round-robin", json.dumps(evil)[1:-1]).replace("agg_0", json.dumps(evil)[1:-1]))
        code, _, err = run([SRTCTL, "report", folder])
    assert code == 0, err
    browser.open(folder / "report.html")
    assert evil in browser.run("document.querySelector('h1').textContent")
    assert browser.run("document.images.length") == 0


def test_a_live_run(browser, serve, small_trace, tmp_path):
    server = serve("-m", MODEL)
    folder = tmp_path / "artifacts"
    command = [SRTCTL, "replay", "-m", MODEL, "--url", server.urls[0], "--endpoint-type", "chat", "--streaming", "--artifact-dir", folder]
    command += ["--input-file", small_trace[0], "--custom-dataset-type", "mooncake_trace", "--fixed-schedule", "--max-lag-ms", "60000"]
    command += ["--goodput", "time_to_first_token:2000 inter_token_latency:25"]
    code, _, err = run(command)
    assert code == 0, err
    summary = json.loads((folder / "summary.json").read_text())
    browser.open(folder / "report.html")
    shown = figures_shown(browser)
    assert shown["Requests"] == [summary["requests"]]
    assert shown["TTFT p50 (ms)"] == [summary["ttft_ms"]["p50"]]
    assert "measured over HTTP" in browser.run("document.querySelector('#inputs').textContent")
    assert "SIMULATED" not in browser.run("document.body.innerText")
    assert browser.run("document.querySelectorAll('#curve-lag path.curve').length") == 1
    assert browser.run("document.querySelectorAll('#lanes path.edge').length") == 2  # waiting, decode batch
    assert browser.run("document.querySelectorAll('#hits .plot path.bound').length") == 1


def test_pictures(browser, compared):
    """Of the documentation; without $REPORT_IMAGES into a folder that is not kept."""
    folder = pathlib.Path(os.environ.get("REPORT_IMAGES") or compared)
    folder.mkdir(exist_ok=True, parents=True)
    for name, width, dark, first, last in (
        ("report.png", 1200, False, None, "limits"),
        ("report-workers.png", 1200, False, "workers", "workers"),
        ("report-narrow.png", 420, True, None, "limits"),
    ):
        browser.open(compared / "report.html", width=width, dark=dark)
        box = "document.getElementById('%s').getBoundingClientRect()"
        top = browser.run(f"{box % first}.top + scrollY") if first else 0
        browser.screenshot(folder / name, top, browser.run(f"{box % last}.bottom + scrollY"))
        assert 20_000 < (folder / name).stat().st_size < 300_000
