"""The files of the report, and the page in a browser."""

import csv
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from comparison import data, report
from comparison.corruptions import CONDITIONS
from comparison.protocol import Cell, settings
from comparison.store import Store, load
from contrast import contrast
from servers import BROWSER, DRIVER, needs_browser

pytestmark = pytest.mark.slow

CIRCUMSTANCES = {
    "cpu": "abacus", "n_cpus": 2, "platform": "desk", "git_revision": "f00", "threads": 1, "message": "",
    "tune_seconds": 0.5, "fit_seconds": 2.0, "predict_seconds": 0.1, "peak_memory_mib": 99.0, "model_bytes": 10**6,
    "estimator": "Estimator(a=1, b='<c>')", "candidates": {}, "classes": list(range(10)),
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Write a report of synthetic predictions on real test images."""
    store = Store(tmp_path_factory.mktemp("results"))
    rng = np.random.default_rng(0)
    rates = {"lenet": 0.02, "svm": 0.05, "forest": 0.08}
    for dataset in ("digits", "mnist_sample", "mnist_sample_corrupted"):
        split = data.load(dataset)
        store.add_test(dataset, split)
        for (model, rate), size in zip([*rates.items()] * 2, [100] * 3 + [300] * 3, strict=True):
            labels = split.y_test.astype(np.uint16)
            wrong = rng.random(len(labels)) < rate * (2 if size == 100 else 1)
            wrong[:2] = dataset == "digits"  # all classifiers misclassify the first two images
            labels[wrong] = (labels[wrong] + 1) % 10
            arrays = {"labels": labels}
            if model != "svm":
                arrays["proba"] = (np.eye(10)[labels] * 0.9 + 0.01).astype(np.float32)
            cell = Cell(dataset, model, train_size=size)
            record = vars(cell) | CIRCUMSTANCES | settings() | {"status": "ok", "data_sha256": data.checksum(split)}
            n_jobs = 2 if model == "forest" else 1
            store.add(cell, record | {"n_train": size, "n_test": len(labels), "n_jobs": n_jobs}, arrays)
    failed = Cell("digits", "knn")
    record = vars(failed) | CIRCUMSTANCES | settings() | {"data_sha256": "abc", "n_jobs": 1}
    store.add(failed, record | {"status": "timeout", "message": "not finished after <1 s"}, {})
    report.write(load(store.folder), store.folder)
    return store.folder


class Links(HTMLParser):
    """Collect the links of a page and its ids."""

    def __init__(self):
        super().__init__()
        self.links, self.ids = [], []

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name in ("src", "href", "xlink:href"):
                self.links.append(value)
            if name == "id":
                self.ids.append(value)


def test_page_is_self_contained(folder):
    page = Links()
    text = (folder / "report.html").read_text(encoding="utf-8")
    page.feed(text)
    assert page.links
    assert all(link.startswith(("#", "data:")) for link in page.links)
    assert not re.search(r"url\((?!#)|@import", text)
    assert len(page.ids) == len(set(page.ids))
    assert "not finished after &lt;1 s" in text
    assert "<1 s" not in text


def test_both_formats_have_conclusions_circumstances_and_failures(folder):
    for name in ("report.html", "report.md"):
        text = (folder / name).read_text(encoding="utf-8")
        for expected in (
            "nothing was measured",
            "MNIST sample, 300 training images: LeNet makes fewer errors than SVM (RBF)",
            "digits, from 100 to 300 training images: LeNet is ahead of the other classifiers at every size",
            "18 corruptions",
            "in parallel",
            "abacus",
            "timeout",
            data.checksum(data.load("digits")),
        ):
            assert expected in text, (name, expected)
        assert re.search(r"compared with the best other classifier, LeNet [^.]*fewer errors on [^.]*MNIST", text)
        assert "; all 3: 2." in text  # the two digits that all classifiers misclassify


def test_tables_mark_the_classifiers_that_are_trained_on_distorted_images(folder):
    text = (folder / "report.md").read_text(encoding="utf-8")
    for section in "Errors", "Time and memory":
        rows = [
            [cell.strip() for cell in line.split("|")]
            for line in text.partition(f"## {section}\n")[2].partition("\n## ")[0].splitlines()
            if line.startswith("|")
        ]
        classifier, distorted = rows[0].index("classifier"), rows[0].index("distorted")
        assert {(row[classifier], row[distorted]) for row in rows[2:]} == {
            ("LeNet", "yes"),
            ("SVM (RBF)", ""),
            ("random forest", ""),
        }
    for name in "report.html", "report.md":
        assert "LeNet distorts its training images anew" in (folder / name).read_text(encoding="utf-8")


def test_markdown_shows_every_figure_with_its_data(folder):
    text = (folder / "report.md").read_text(encoding="utf-8")
    shown = re.findall(r"\]\((figures/[^)]+)\)", text)
    assert {path.name for path in (folder / "figures").iterdir()} == {name.removeprefix("figures/") for name in shown}
    for name in shown:
        content = (folder / name).read_text(encoding="utf-8")
        if name.endswith(".svg"):
            assert content.startswith("<svg")
            assert "#010203" not in content
        else:
            assert len(list(csv.reader(content.splitlines()))) > 1
    assert "curves.csv" in text


def test_records_are_written_as_a_table(folder):
    with (folder / "records.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 19
    assert {row["status"] for row in rows} == {"ok", "timeout"}


def test_same_results_give_the_same_report(folder, tmp_path):
    report.write(load(folder), tmp_path)
    for name in ("report.html", "report.md"):
        assert (tmp_path / name).read_text(encoding="utf-8") == (folder / name).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def browser():
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for flag in ("headless", "no-sandbox", "disable-gpu", "disable-background-networking", "window-size=1000,900"):
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with webdriver.Chrome(options, webdriver.ChromeService(DRIVER)) as browser:
        yield browser


@pytest.fixture
def page(browser, folder):
    browser.get((folder / "report.html").as_uri())
    return browser


@needs_browser
def test_page_loads_without_errors(page):
    assert page.title == "LeNet and other classifiers"
    assert page.get_log("browser") == []


@needs_browser
def test_clicking_a_heading_sorts_and_a_second_click_reverses(page):
    table = page.find_element(By.TAG_NAME, "table")
    headings = table.find_elements(By.CSS_SELECTOR, "th")
    column = next(index for index, heading in enumerate(headings) if heading.text == "error")

    def errors():
        rows = table.find_elements(By.CSS_SELECTOR, "tbody tr")
        return [float(row.find_elements(By.CSS_SELECTOR, "th, td")[column].text.removesuffix(" %")) for row in rows]

    button = headings[column].find_element(By.TAG_NAME, "button")
    button.click()
    assert errors() == sorted(errors())
    assert headings[column].get_attribute("aria-sort") == "ascending"
    button.send_keys(Keys.ENTER)  # the keyboard does the same
    assert errors() == sorted(errors(), reverse=True)
    assert headings[column].get_attribute("aria-sort") == "descending"
    assert page.get_log("browser") == []


@needs_browser
@pytest.mark.parametrize("width", [360, 1000])
def test_page_does_not_scroll_sideways(page, width):
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    )
    assert page.execute_script("return document.documentElement.scrollWidth") <= width


@needs_browser
@pytest.mark.parametrize("share", [0, 0.5, 1])
@pytest.mark.parametrize("width", [390, 1200])
def test_classifier_and_error_stay_visible_in_a_scrolled_table(page, width, share):
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    )
    script = """
        const wide = document.querySelector(".wide"), scrolled = wide.scrollWidth - wide.clientWidth;
        wide.scrollLeft = arguments[0] * scrolled;
        const box = wide.getBoundingClientRect();
        const cells = [...wide.querySelectorAll("thead .kept, tbody tr:first-child .kept")];
        const seen = cells.map(cell => {
            const {left, right, top} = cell.getBoundingClientRect();
            const drawn = document.elementFromPoint(left + 3, top + 3);
            return left >= box.left - 1 && right <= box.right + 1 && cell.contains(drawn);
        });
        return [scrolled, seen];
    """
    scrolled, seen = page.execute_script(script, share)
    assert scrolled > 100 or width > 1000  # the narrow window must have something to scroll
    assert seen == [True] * 4


@needs_browser
def test_numbers_are_right_aligned(page):
    script = """
        const isNumber = cell => /^[0-9][0-9,]*([.][0-9]+)?( %)?$/.test(cell.textContent.trim());
        return [...document.querySelectorAll("tbody td, tbody th")].filter(isNumber).map(
            cell => getComputedStyle(cell).textAlign);
    """
    found = page.execute_script(script)
    assert len(found) > 20
    assert set(found) == {"right"}


def test_runs_have_letters_and_are_listed(folder):
    text = (folder / "report.md").read_text(encoding="utf-8")
    assert "- run: A; cpu: " in text.partition("## Provenance")[2]
    assert re.search(r"\| run +\|", text.partition("## Errors")[2].partition("##")[0])


@needs_browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast_in_light_and_dark_mode(page, scheme):
    """The contrast is at least 4.5 to 1 (WCAG 2.2, 1.4.3), in the text of the page and of the drawings."""
    page.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    for selector, background in [("p", "body"), ("figcaption", "body"), ("a", "body"), (".drawing svg text", "body"),
                                 ("tr.compared td", "tr.compared"), ("tr.compared th", "tr.compared th")]:  # fmt: skip
        # The colour of text in a drawing is its fill.
        name = "fill" if "svg" in selector else "color"
        ink = style(page, selector, name)
        assert contrast(ink, style(page, background, "background-color")) >= 4.5, selector


def style(page, selector, name):
    script = "return getComputedStyle(document.querySelector(arguments[0])).getPropertyValue(arguments[1])"
    return [float(number) for number in re.findall(r"[\d.]+", page.execute_script(script, selector, name))[:3]]


@needs_browser
def test_drawings_have_descriptions_and_tables_have_captions(page):
    drawings = page.find_elements(By.CSS_SELECTOR, ".drawing")
    assert len(drawings) > 8
    assert all(drawing.get_attribute("aria-label") for drawing in drawings)
    tables = page.find_elements(By.TAG_NAME, "table")
    assert len(page.find_elements(By.TAG_NAME, "caption")) == len(tables) >= 4


def test_table_of_errors_omits_corrupted_images(folder):
    text = (folder / "report.md").read_text(encoding="utf-8")
    table = text.partition("## Errors")[2].partition("##")[0]
    assert "corrupted" not in table
    assert len(CONDITIONS) == 19
