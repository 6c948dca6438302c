"""The drawing page in a headless Chromium: open it, draw on it, and see what it asked for."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from selenium import webdriver
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.actions.pointer_input import PointerInput

BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
_FLAGS = ("headless", "no-sandbox", "disable-gpu", "disable-background-networking")


@contextmanager
def open_browser(width: int = 1280, height: int = 800) -> Iterator[webdriver.Chrome]:
    """Start a browser that logs messages and requests."""
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER or "chromium"
    for flag in (*_FLAGS, f"window-size={width},{height}"):
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    with webdriver.Chrome(options, webdriver.ChromeService(DRIVER)) as browser:
        set_size(browser, width, height)
        yield browser


def set_size(browser: webdriver.Chrome, width: int, height: int, *, scale: float = 1, scheme: str = "light") -> None:
    """Set the size of the page in pixels of CSS, the number of the screen's pixels in each, and the colour scheme."""
    size = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def open_page(browser: webdriver.Chrome, path: Path) -> None:
    """Open a page from disk, and forget earlier requests and messages."""
    browser.get("about:blank")
    browser.get_log("performance")
    browser.get_log("browser")
    browser.get(path.absolute().as_uri())


def draw(
    browser: webdriver.Chrome, strokes: list[NDArray[np.float64]], *, pointer: str = "mouse", interval: int = 0
) -> list[float]:
    """Draw strokes on the open page, and return the milliseconds after each until the page had the answer.

    Parameters
    ----------
    browser : selenium.webdriver.Chrome
    strokes : list of ndarray of shape (n, 2)
        Points to the right and down as shares of the side of the paper.
    pointer : {"mouse", "pen", "touch"}, default="mouse"
    interval : int, default=0
        Milliseconds between the points of a stroke.

    Returns
    -------
    delays : list of float
    """
    script = (
        "const box = document.getElementById('paper').getBoundingClientRect(); return [box.left, box.top, box.width];"
    )
    left, top, width = browser.execute_script(script)
    delays = []
    for stroke in strokes:
        first, *others = np.rint([left, top] + width * stroke).astype(int).tolist()
        actions = ActionBuilder(browser, mouse=PointerInput(pointer, pointer), duration=interval)
        actions.pointer_action.move_to_location(*first).pointer_down()
        for point in others:
            actions.pointer_action.move_to_location(*point)
        actions.pointer_action.pointer_up()
        actions.perform()
        delays.append(browser.execute_script("return sklenet.delay"))
    return delays


def requests(browser: webdriver.Chrome) -> list[str]:
    """Return the addresses that the page has asked for since it was opened, but for its own."""
    messages: list[dict[str, Any]] = [
        json.loads(entry["message"])["message"] for entry in browser.get_log("performance")
    ]
    asked = [each["params"] for each in messages if each["method"] == "Network.requestWillBeSent"]
    # A data address is text in the page, and asks nobody.
    urls = [each["request"]["url"] for each in asked if each["request"]["url"] != each["documentURL"]]
    return [url for url in urls if not url.startswith("data:")]
