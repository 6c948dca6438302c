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


def draw(browser: webdriver.Chrome, strokes: list[NDArray[np.float64]]) -> list[float]:
    """Draw strokes with the mouse, and return the milliseconds after the end of each until the page had the answer."""
    script = (
        "const box = document.getElementById('paper').getBoundingClientRect(); return [box.left, box.top, box.width];"
    )
    place = browser.execute_script(script)
    delays = []
    for stroke in strokes:
        points = np.array(place[:2]) + place[2] * stroke
        _send_mouse(browser, "mousePressed", points[0])
        for point in points[1:]:
            _send_mouse(browser, "mouseMoved", point)
        _send_mouse(browser, "mouseReleased", points[-1])
        delays.append(browser.execute_script("return sklenet.delay"))
    return delays


def _send_mouse(browser: webdriver.Chrome, kind: str, point: NDArray[np.float64]) -> None:
    event = {"type": kind, "x": float(point[0]), "y": float(point[1]), "button": "left", "buttons": 1, "clickCount": 1}
    browser.execute_cdp_cmd("Input.dispatchMouseEvent", event)


def requests(browser: webdriver.Chrome) -> list[str]:
    """Return the addresses that the page has asked for since it was opened, but for its own."""
    messages: list[dict[str, Any]] = [
        json.loads(entry["message"])["message"] for entry in browser.get_log("performance")
    ]
    asked = [each["params"] for each in messages if each["method"] == "Network.requestWillBeSent"]
    # A data address is text in the page, and asks nobody.
    urls = [each["request"]["url"] for each in asked if each["request"]["url"] != each["documentURL"]]
    return [url for url in urls if not url.startswith("data:")]
