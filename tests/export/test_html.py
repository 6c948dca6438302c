"""The page of to_html: its parts, and the page in a browser."""

import json
import re
from contextlib import suppress
from importlib.resources import files

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image, ImageDraw
from selenium.common.exceptions import JavascriptException
from selenium.webdriver import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.svm import SVC

from browsing import draw, open_browser, open_page, requests, set_size
from contrast import contrast
from drawing_page import draw_digit
from handwriting import STYLES, write
from pictures_of_digits import as_gray, light_across, mnist_digits, on_paper, similarity
from servers import needs_browser
from sklenet import LeNetClassifier
from sklenet.datasets import load_mnist_sample
from sklenet.export import to_html
from sklenet.preprocessing import CharacterFramer
from sklenet.preprocessing._framing import Frame, frame_character
from small_models import make

HOSTILE = [
    "</script><script>window.hacked = 1</script>", "<img src=x onerror='window.hacked = 1'>", "\u2028\u2029", "<!--",
    "\ud83d", "\u202eabc", "שלום", "x" * 5000, "  ", "&lt;b&gt;", "${1}$model", "]]>", "\x00",
]  # fmt: skip

# A zigzag from the left to the right.
SCRIBBLE = np.column_stack([np.linspace(0.1, 0.9, 12), np.where(np.arange(12) % 2, 0.1, 0.9)])


@pytest.fixture(scope="module")
def mnist():
    X, y = load_mnist_sample(subset="train", return_X_y=True)
    return LeNetClassifier(max_epochs=10, random_state=0).fit(X[:2000], y[:2000])


@pytest.fixture(scope="module")
def browser():
    with open_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def mnist_page(mnist, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "draw.html"
    assert to_html(mnist, path) is None
    return path


@pytest.fixture
def page(browser, mnist_page):
    """Open the page of the MNIST model anew. The page must have asked for nothing, and have no error in the end."""
    set_size(browser, 1280, 800)
    open_page(browser, mnist_page)
    yield browser
    assert requests(browser) == []
    assert browser.get_log("browser") == []


def open_classifier(browser, classifier, folder, **options):
    to_html(classifier, folder / "page.html", **options)
    open_page(browser, folder / "page.html")


def answer(page):
    return page.find_element(By.ID, "answer").text


def read_model(text):
    return json.loads(re.search(r'<script type="application/json" id="model">(.*?)</script>', text, re.DOTALL)[1])


# Without a browser


@pytest.mark.slow
def test_page_is_one_small_file(mnist, mnist_page):
    text = mnist_page.read_text(encoding="utf-8")
    assert text == to_html(mnist)
    assert len(text.encode()) <= 450_000
    assert len(to_html(mnist, dtype="float16").encode()) <= 300_000
    assert "http" not in text.replace("http-equiv", "")
    assert not re.search(r"\b(src|srcset|action)=|url\(|@import|innerHTML|eval\(", text)
    assert [*mnist_page.parent.iterdir()] == [mnist_page]


def test_forward_pass_has_fewer_than_100_lines():
    network = (files("sklenet.export") / "page" / "network.js").read_text(encoding="utf-8")
    assert len(network.splitlines()) < 100
    assert "makeScore" not in network


def test_page_stays_as_it_is_when_the_new_one_fails(mnist, tmp_path):
    path = tmp_path / "draw.html"
    path.write_text("former", encoding="utf-8")
    with pytest.raises(ValueError, match="X has 5 features"):
        to_html(mnist, path, X=np.ones((20, 5)))
    assert path.read_text(encoding="utf-8") == "former"


@pytest.mark.parametrize(
    ("estimator", "error", "message"),
    [
        (LeNetClassifier(), NotFittedError, "not fitted"),
        (SVC(), TypeError, r"needs a fitted LeNetClassifier. Got SVC\(\) instead\.$"),
        (make_pipeline(MinMaxScaler(), LeNetClassifier()), TypeError, "pass the last step, .* if the steps before"),
        (LeNetClassifier, TypeError, "needs a fitted LeNetClassifier"),
        (None, TypeError, "Got None instead"),
    ],
)
def test_other_estimators_are_refused(estimator, error, message):
    with pytest.raises(error, match=message):
        to_html(estimator)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dtype": "float64"}, "'dtype' parameter of to_html must be one of .*'float32', 'float16'"),
        ({"box": 29}, "'box' .* from 1 to 28.* Got 29 instead"),
        ({"box": 0}, "Got 0 instead"),
        ({"box": 20.0}, "Got 20.0 instead"),
    ],
)
def test_other_values_of_parameters_are_refused(mnist, options, message):
    with pytest.raises(ValueError, match=message):
        to_html(mnist, **options)


def test_title_must_be_text(mnist):
    with pytest.raises(TypeError, match="'title' parameter of to_html must be a str"):
        to_html(mnist, title=7)


def test_weights_too_large_for_float16_are_refused(mnist, monkeypatch):
    weights = mnist._model.weights()
    weights["f6.bias"][0] = 1e5
    monkeypatch.setattr(type(mnist._model), "weights", lambda self: weights)
    with pytest.raises(ValueError, match="100000 is too large for dtype='float16'"):
        to_html(mnist, dtype="float16")


@pytest.mark.slow
def test_threshold_is_of_the_units_or_of_images(mnist):
    X, _ = load_mnist_sample(subset="test", return_X_y=True)
    assert read_model(to_html(mnist))["threshold"] == -84
    from_images = read_model(to_html(mnist, X=X))["threshold"]
    assert from_images == pytest.approx(np.quantile(mnist.score_samples(X), 0.01))


def test_ink_is_the_end_of_the_pixels_away_from_the_background(digits):
    X, y = digits
    assert read_model(to_html(make(max_epochs=1).fit(X, y)))["pixels"]["ink"] == 16
    inverted = read_model(to_html(make(max_epochs=1).fit(16 - X, y)))
    assert (inverted["pixels"]["background"], inverted["pixels"]["ink"]) == (16, 0)
    assert inverted["box"] == 6  # of 8


# In a browser


def small_digits(shape, n=60):
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (n, *shape)).astype(np.float32) / 255, np.arange(n) % 3


def binary_digits():
    X, y = load_digits(return_X_y=True)
    return X, np.where(y % 2 == 0, "even", "odd")


CASES = {
    "28x28": ({}, lambda: load_mnist_sample(return_X_y=True)),
    "wide": ({"width": 2}, lambda: load_mnist_sample(return_X_y=True)),
    "1998": ({"architecture": "1998", "width": 1}, lambda: load_mnist_sample(return_X_y=True)),
    "8x8": ({"architecture": "1998", "width": 1}, lambda: load_digits(return_X_y=True)),
    "16x40": ({}, lambda: small_digits((16, 40))),
    "64x48, nine views": ({"test_time_augment": True}, lambda: small_digits((64, 48))),
    "45 pixels": ({}, lambda: small_digits((45,))),
    "two classes": ({"test_time_augment": True}, binary_digits),
}


@needs_browser
@pytest.mark.filterwarnings("ignore:.*45.*square:UserWarning")
@pytest.mark.parametrize("case", CASES)
@pytest.mark.slow
def test_logits_and_scores_are_those_of_the_classifier(browser, tmp_path, case):
    params, load = CASES[case]
    X, y = load()
    classifier = make(max_epochs=1, **params).fit(X[:300], y[:300])
    open_classifier(browser, classifier, tmp_path)
    images = X[-20:].reshape(20, -1)
    script = "return arguments[0].map(row => [sklenet.logits(row), sklenet.score(row)]);"
    logits, scores = zip(*browser.execute_script(script, images.tolist()), strict=True)
    logits = np.array(logits)
    decision = logits[:, 1] - logits[:, 0] if case == "two classes" else logits
    assert_allclose(decision, classifier.decision_function(X[-20:]), rtol=0, atol=1e-4)
    assert_allclose(scores, classifier.score_samples(X[-20:]), rtol=1e-4, atol=1e-2)
    assert browser.get_log("browser") == []


@needs_browser
def test_float16_has_nearly_the_same_logits(browser, mnist, tmp_path):
    X, _ = load_mnist_sample(subset="test", return_X_y=True)
    open_classifier(browser, mnist, tmp_path, dtype="float16")
    logits = browser.execute_script("return arguments[0].map(sklenet.logits)", X[:20].tolist())
    difference = np.abs(logits - mnist.decision_function(X[:20])).max()
    assert 1e-6 < difference < 0.1


def picture_of(digit, style):
    """Draw a digit, dark on white, 280×280 pixels, by Pillow."""
    factor = 4
    picture = Image.new("L", (280 * factor, 280 * factor), 255)
    pen, width = ImageDraw.Draw(picture), round(style.pen * 280 * factor)
    for stroke in write(digit, style):
        points = [tuple(point) for point in stroke * 280 * factor]
        pen.line(points, fill=0, width=width, joint="curve")
        for x, y in points:
            pen.ellipse([x - width / 2, y - width / 2, x + width / 2, y + width / 2], fill=0)
    return np.asarray(picture.reduce(factor))


@needs_browser
@pytest.mark.parametrize("shape", [(28, 28), (16, 40), (64, 48), (8, 8)])
@pytest.mark.slow
def test_drawings_are_framed_as_by_the_framer(page, shape):
    box = round(20 / 28 * min(shape))
    script = """
        const [shape, box, rows] = arguments;
        const plane = data => ({data, height: 280, width: 280});
        return rows.map(levels => {
            const strokes = levels.map(level => level > 0.2 ? 1 : 0);
            return [...sklenet.frameInk(plane(Float64Array.from(levels)), plane(strokes), shape, box)];
        });
    """
    pictures = [picture_of(digit, STYLES[digit]) for digit in range(0, 10, 3)]
    inks = [(1 - picture.ravel() / 255).round(6).tolist() for picture in pictures]
    for framed, picture in zip(page.execute_script(script, shape, box, inks), pictures, strict=True):
        expected = frame_character(picture, Frame(shape, box)).ravel()
        difference = np.abs(framed - expected.astype(float))
        assert difference.max() <= 2
        assert (difference > 1).mean() < 0.01


@needs_browser
@pytest.mark.slow
def test_drawn_digits_are_read(page):
    drawn = [draw_digit(page, digit, style=digit) for digit in range(10)]
    wrong = [(each.digit, each.answer) for each in drawn if each.answer != str(each.digit)]
    assert len(wrong) <= 2, wrong
    share = [float(bar.text.removesuffix(" %")) for bar in page.find_elements(By.CSS_SELECTOR, "#bars .share")]
    assert share == sorted(share, reverse=True)
    assert 99 < sum(share) <= 100.3


@needs_browser
def test_page_shows_what_the_classifier_says_of_the_drawing(page, mnist):
    draw(page, write(5, STYLES[0]))
    row = page.execute_script("return [...sklenet.current.row]")
    names = [name.text for name in page.find_elements(By.CSS_SELECTOR, "#bars .name")]
    image = np.array(row)[None]
    assert_array_equal(image, np.rint(image))
    assert image.max() == 255
    probabilities = mnist.predict_proba(image)[0]
    expected = np.argsort(-probabilities)[:5]
    assert names == [str(each) for each in expected]
    sentence = page.find_element(By.ID, "sentence").text
    assert sentence in {f"{100 * probabilities.max():.1f} % sure", "Not like a character I know"}
    # Every map of both layers has something on it.
    assert page.execute_script("""
        return [...document.querySelectorAll('.layers canvas')].map(canvas => {
            const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
            return data.some(level => level > 0);
        });
    """) == [True] * (1 + 6 + 16)


@needs_browser
def test_undo_and_clear_by_button_and_key(page):
    draw(page, write(4, STYLES[0]))  # two strokes
    whole = page.execute_script("return [...sklenet.current.row]")
    body, undo = page.find_element(By.TAG_NAME, "body"), page.find_element(By.ID, "undo")
    undo.click()
    assert page.execute_script("return [...sklenet.current.row]") != whole
    body.send_keys(Keys.ESCAPE)
    assert answer(page) == ""
    assert page.execute_script("return sklenet.current") is None
    body.send_keys(Keys.CONTROL, "z")  # takes the clearing back
    assert answer(page) != ""
    undo.send_keys(Keys.ENTER)
    assert undo.get_attribute("aria-disabled") == "true"
    assert "empty" in page.find_element(By.ID, "paper").get_attribute("aria-label")
    undo.click()  # nothing is left to undo
    draw(page, write(4, STYLES[0]))
    assert page.execute_script("return [...sklenet.current.row]") == whole
    page.find_element(By.ID, "clear").click()
    assert answer(page) == ""


@needs_browser
@pytest.mark.parametrize("kind", ["touch", "pen"])
def test_finger_and_pen_draw(page, kind):
    draw(page, write(1, STYLES[0]), pointer=kind)
    assert answer(page) == "1"
    assert page.execute_script("return scrollY") == 0


@needs_browser
def test_dot_is_ink(page):
    paper = page.find_element(By.ID, "paper")
    ActionChains(page).click(paper).perform()
    assert page.execute_script("return Math.max(...sklenet.current.row)") == 255


@needs_browser
def test_scores_below_the_threshold_are_of_no_known_character(page, mnist):
    for threshold, is_known in [(1e9, False), (-1e9, True)]:
        page.execute_script("sklenet.model.threshold = arguments[0]", threshold)
        draw(page, [SCRIBBLE])
        sentence, status = (page.find_element(By.ID, name).text for name in ("sentence", "status"))
        assert (sentence == "Not like a character I know") is not is_known
        assert status.startswith("Not like a character I know. The nearest is") is not is_known
        assert ("unknown" in page.find_element(By.TAG_NAME, "body").get_attribute("class")) is not is_known


@needs_browser
def test_model_without_statistics_always_answers(browser, mnist, tmp_path, monkeypatch):
    state = mnist.__getstate__()
    state["_model"]["statistics"] = None
    loaded = LeNetClassifier()
    loaded.__setstate__(state)
    open_classifier(browser, loaded, tmp_path)
    draw(browser, [SCRIBBLE])
    assert re.fullmatch(r"[\d.]+ % sure", browser.find_element(By.ID, "sentence").text)
    assert browser.execute_script("return sklenet.score(sklenet.current.row)") is None


def photograph(digit, *, inverted=False):
    """Return a photo of a digit under light from the left, with noise and a dark edge of the table."""
    picture = on_paper(digit, (260, 200), (60, 30), scale=5) * light_across((260, 200), 0.6)
    picture[:12] = 40
    picture += np.random.default_rng(0).normal(0, 3, picture.shape)
    return as_gray(255 - picture if inverted else picture)


@needs_browser
@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.slow
def test_photo_is_framed_nearly_as_by_the_framer(page, mnist, tmp_path, inverted):
    digits, labels = mnist_digits(6)
    similarities = []
    for index, (digit, label) in enumerate(zip(digits, labels, strict=True)):
        photo = photograph(digit, inverted=inverted)
        path = tmp_path / f"{index}.png"
        Image.fromarray(photo).save(path)
        page.find_element(By.ID, "photo").send_keys(str(path))
        row = wait_for(page, "return sklenet.current && [...sklenet.current.row]")
        expected = CharacterFramer().fit_transform([photo])[0]
        similarities.append(similarity(row, expected))
        assert answer(page) == str(mnist.predict(expected[None])[0]) == str(label)
        page.find_element(By.ID, "clear").click()
    assert np.median(similarities) > 0.99
    assert min(similarities) > 0.7


@needs_browser
def test_files_without_a_character_are_named(page, tmp_path):
    text, blank = tmp_path / "notes.png", tmp_path / "blank.png"
    text.write_text("no picture", encoding="utf-8")
    Image.new("L", (50, 50), 200).save(blank)
    for path, expected in (text, "is no picture that this browser can read"), (blank, "No character was found in"):
        page.find_element(By.ID, "photo").send_keys(str(path))
        assert wait_for(page, f"return document.getElementById('status').textContent.includes({expected!r})")
        assert path.name in page.find_element(By.ID, "status").text


def wait_for(page, script):
    """Return the value of a script as soon as the value is true."""
    return WebDriverWait(page, 30).until(lambda page: page.execute_script(script))


@needs_browser
@pytest.mark.slow
def test_hostile_names_make_no_element_and_no_error(browser, tmp_path):
    rng = np.random.default_rng(0)
    names = np.array(HOSTILE + [f"class {index}" for index in range(1000 - len(HOSTILE))], dtype=object)
    X = rng.integers(0, 17, (1000, 64)).astype(np.float32)
    classifier = make(max_epochs=1, batch_size=256).fit(np.repeat(X, 2, axis=0), np.repeat(names, 2))
    title = "</title><script>window.hacked = 1</script>\ud83d" + "long" * 20
    open_classifier(browser, classifier, tmp_path, title=title)
    set_size(browser, 360, 740)
    codes = browser.execute_script(
        "return sklenet.model.names.map(name => [...Array(name.length).keys()].map(i => name.charCodeAt(i)))"
    )
    utf16 = [str(name).encode("utf-16-le", "surrogatepass") for name in classifier.classes_]
    shown = [np.frombuffer(name, "<u2").tolist() for name in utf16]
    blank = [index for index, name in enumerate(classifier.classes_) if not name.strip()]
    assert [code for index, code in enumerate(codes) if index not in blank] == [
        code for index, code in enumerate(shown) if index not in blank
    ]
    # The page shows each hostile name as the best answer.
    for index in [list(classifier.classes_).index(name) for name in HOSTILE]:
        browser.execute_script("sklenet.model.weights['output.bias'].fill(0)[arguments[0]] = 1e4;", index)
        draw(browser, [np.array([[0.3, 0.3], [0.6, 0.7]])])
        text = browser.execute_script(
            "const text = document.getElementById('answer').textContent; return [...text].length"
        )
        assert text > 0
        assert browser.execute_script("return document.documentElement.scrollWidth") <= 360
    elements = browser.execute_script("return [...document.querySelectorAll('*')].map(each => each.localName)")
    assert elements.count("script") == 2
    assert elements.count("style") == 1
    assert "img" not in elements
    assert browser.execute_script("return window.hacked") is None
    assert browser.title.startswith("</title><script>")
    assert requests(browser) == []
    assert browser.get_log("browser") == []


@needs_browser
def test_policy_forbids_requests_and_markup(browser, mnist_page):
    open_page(browser, mnist_page)
    meta = browser.find_element(By.CSS_SELECTOR, "meta[http-equiv='Content-Security-Policy']")
    policy = meta.get_attribute("content")
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    with pytest.raises(JavascriptException, match="TrustedHTML"):
        browser.execute_script("document.body.innerHTML = '<b>bold</b>'")
    browser.set_script_timeout(10)
    for script in (
        "fetch('https://example.invalid/').catch(() => arguments[0](1))",
        "const image = new Image(); image.onerror = () => arguments[0](1); image.src = 'https://example.invalid/x.png'",
    ):
        assert browser.execute_async_script(script) == 1
    messages = [entry["message"] for entry in browser.get_log("browser")]
    assert len([message for message in messages if "Content Security Policy" in message]) >= 2
    script = """
        const script = document.createElement("script");
        script.textContent = "window.hacked = 1";
        document.body.append(script);
    """
    with suppress(JavascriptException):  # refused by an exception or in silence
        browser.execute_script(script)
    assert browser.execute_script("return window.hacked") is None
    browser.get_log("browser")


@needs_browser
def test_page_is_accessible(page):
    script = """
        const named = [...document.querySelectorAll("button, input, canvas[id], [role=img]")].map(
            each => each.ariaLabel || each.textContent || each.labels?.[0]?.textContent);
        return [document.documentElement.lang, document.querySelector("[role=status]").id, named];
    """
    lang, status, named = page.execute_script(script)
    assert (lang, status) == ("en", "status")
    assert len(named) >= 8
    assert all(named)
    reached = []
    for _ in range(4):
        ActionChains(page).send_keys(Keys.TAB).perform()
        reached.append(page.switch_to.active_element.get_attribute("id"))
        shown = "document.activeElement.nextElementSibling" if reached[-1] == "photo" else "document.activeElement"
        assert page.execute_script(f"return getComputedStyle({shown}).outlineStyle") == "solid"
    assert reached == ["undo", "clear", "photo", "pen"]


@needs_browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.slow
def test_text_has_contrast_and_no_scroll_sideways(page, scheme):
    """The contrast is at least 4.5 to 1 (WCAG 2.2, 1.4.3)."""
    for width, height in [(360, 740), (1280, 800)]:
        set_size(page, width, height, scheme=scheme)
        assert page.execute_script("return document.documentElement.scrollWidth") <= width
    assert page.execute_script("return document.documentElement.scrollHeight") <= 800  # one screen of a laptop
    script = """
        const color = (element, name) => getComputedStyle(element)[name].match(/[\\d.]+/g).map(Number);
        const back = element => {
            const found = color(element, "backgroundColor");
            return found.length === 3 || found[3] > 0 ? found : back(element.parentElement);
        };
        document.body.classList.toggle("unknown", arguments[0]);
        return [...document.querySelectorAll("h1, p, label, button, figcaption, b, .name, .share, #classes")].map(
            element => [element.id || element.className || element.localName, color(element, "color"), back(element)]);
    """
    for is_unknown in (False, True):
        checked = page.execute_script(script, is_unknown)
        assert len(checked) > 20
        for name, ink, back in checked:
            assert contrast(ink[:3], back[:3]) >= 4.5, name
