"""`l48 report` in a real browser: nothing from elsewhere, tables that sort, readable on a phone, in the dark and on paper."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

playwright = pytest.importorskip("playwright.sync_api")

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PHONE = {"width": 390, "height": 844}
MOST_BYTES = 4_000_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip("there is no browser: Debian's package is chromium")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def report(program: str, demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("report") / "birds.html"
    subprocess.run([program, "report", demo, "--out", out], check=True)
    assert out.stat().st_size < MOST_BYTES
    return out


@pytest.fixture(scope="module")
def run_report(program: str, trainer: str, demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("runs") / "tiny"
    fit = [trainer, "fit", demo, "--out", run, "--arch", "tiny", "--epochs", "1", "--lr", "3e-3", "--device", "cpu"]
    subprocess.run(fit, check=True)
    subprocess.run([trainer, "predict", run, demo, "--out", run / "predictions.parquet", "--device", "cpu"], check=True)
    out = run.parent / "run.html"
    subprocess.run([program, "report", run, "--out", out], check=True)
    assert out.stat().st_size < MOST_BYTES
    return out


def open_page(browser: Any, path: Path, **how: Any) -> Any:
    """The page, of which every request but that for itself and every mistake fails the test."""
    context = browser.new_context(offline=True, **how)
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: pytest.fail(str(error)))
    page.on("console", lambda message: pytest.fail(message.text))
    page.goto(path.as_uri())
    # Pictures are loaded when they come into sight.
    page.evaluate("document.querySelectorAll('img').forEach(image => { image.loading = 'eager' })")
    page.wait_for_function("[...document.images].every(image => image.complete && image.naturalWidth > 0)")
    assert [url for url in asked if not url.startswith("data:")] == [path.as_uri()]
    return page


def columns(page: Any, section: str, heading: str) -> list[str]:
    """The cells under a heading of the first table after a section's heading."""
    cells: list[str] = page.evaluate(
        """([section, heading]) => {
            let at = document.getElementById(section);
            while (!at.querySelector("table")) at = at.nextElementSibling;
            const table = at.querySelector("table");
            const column = [...table.tHead.rows[0].cells].findIndex(cell => cell.textContent === heading);
            return [...table.tBodies[0].rows].map(row => row.cells[column].textContent);
        }""",
        [section, heading],
    )
    return cells


def test_a_dataset_in_the_browser(browser: Any, report: Path, demo: Path) -> None:
    page = open_page(browser, report)
    assert page.title() == "Dataset demo"
    assert page.locator("figure img").count() == 14, "a clip of every class"
    assert page.locator("figure .box").count() >= 14
    for section in ("splits", "classes", "sites", "times", "faults", "clips"):
        assert page.locator(f"h2#{section}").is_visible()
    assert sum(map(int, columns(page, "splits", "clips"))) == 2 * 980, "the splits and their total"
    assert len(columns(page, "classes", "code")) == 14
    drawn = page.locator("svg[aria-label='recordings by month'] rect title").all_text_contents()
    assert sum(int(title.rsplit(" ", 1)[1]) for title in drawn) == 240, "each recording once"


def test_a_click_sorts_and_another_one_turns(browser: Any, report: Path) -> None:
    page = open_page(browser, report)
    names = columns(page, "classes", "name")
    page.get_by_role("button", name="name", exact=True).click()
    assert columns(page, "classes", "name") == sorted(names) != names
    page.get_by_role("button", name="recordings", exact=True).last.click()
    counts = [int(count) for count in columns(page, "classes", "recordings")]
    assert counts == sorted(counts, reverse=True)
    page.get_by_role("button", name="recordings", exact=True).last.click()
    assert [int(count) for count in columns(page, "classes", "recordings")] == sorted(counts)
    assert page.locator("th[aria-sort=ascending]").last.inner_text().startswith("recordings")


def test_a_phone_the_dark_and_paper(browser: Any, report: Path) -> None:
    page = open_page(browser, report, viewport=PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], "the page does not scroll sideways"
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = open_page(browser, report, color_scheme="dark")
    assert dark.evaluate(ground) != page.evaluate(ground)
    dark.emulate_media(media="print")
    assert dark.evaluate(ground) == "rgb(255, 255, 255)"
    assert not dark.locator("nav").is_visible()


def test_a_run_in_the_browser(browser: Any, run_report: Path) -> None:
    page = open_page(browser, run_report)
    assert page.title() == "Run tiny on demo"
    precisions = [float(cell.removesuffix(" %")) for cell in columns(page, "run", "average precision")]
    assert len(precisions) == 14 and precisions == sorted(precisions), "the worst first"
    mistakes = page.locator("figcaption b").all_text_contents()
    wrong = [float(text.rsplit(" ", 1)[1]) for text in mistakes if text.startswith("not there")]
    missed = [float(text.rsplit(" ", 1)[1]) for text in mistakes if text.startswith("missed")]
    assert len(wrong) == len(missed) == 6 * 3
    for first in range(0, len(wrong), 3):
        assert wrong[first : first + 3] == sorted(wrong[first : first + 3], reverse=True)
        assert missed[first : first + 3] == sorted(missed[first : first + 3])
