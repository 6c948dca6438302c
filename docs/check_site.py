"""Check the built site: `python docs/check_site.py docs/_build`.

Every link inside the site leads to a file that exists, and to an anchor in the file, and no page loads anything from
elsewhere. In Chromium, no page scrolls sideways at 360 and 1,280 pixels, light and dark, no line of code scrolls at
1,200 pixels, no page writes errors to the console, and the search finds a class.
"""

import functools
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

from selenium import webdriver

# Attributes whose address a browser loads together with the page, by tag.
_LOADED = {
    "script": ("src",), "img": ("src", "srcset"), "iframe": ("src",), "source": ("src", "srcset"), "link": ("href",),
}  # fmt: skip
# Relations of <link> that name a page and load nothing.
_UNLOADED_RELATIONS = {"canonical", "next", "prev", "index", "search", "genindex"}
_SCROLLING_CODE = """
return [...document.querySelectorAll("pre")].filter(pre => pre.scrollWidth > pre.clientWidth)
    .map(pre => pre.textContent.split("\\n").reduce((a, b) => a.length < b.length ? b : a))
"""
_WIDTH_OF_PAGE = "return [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
_CODE_WIDTH = 1200
_VIEWS = [(360, "light"), (360, "dark"), (1280, "light"), (1280, "dark"), (_CODE_WIDTH, "light")]


class Page(HTMLParser):
    """Anchors, links and loaded addresses of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect what a tag names and refers to."""
        values = {name: value for name, value in attrs if value}
        self.anchors.update(values[name] for name in ("id", "name") if name in values)
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if tag == "link" and not _UNLOADED_RELATIONS.isdisjoint(values.get("rel", "").split()):
            return
        for name in _LOADED.get(tag, ()):
            addresses = values.get(name, "")
            # A srcset has addresses and sizes: "a.png, b.png 2.00x".
            parts = (
                [part.split()[0] for part in addresses.split(", ")] if name == "srcset" and addresses else [addresses]
            )
            self.loaded.extend(part for part in parts if part)


def check_links(site: Path) -> list[str]:
    """Return the faults of the links of a site."""
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    faults = []
    for path, page in pages.items():
        name = path.relative_to(site)
        faults += [f"{name}: loads {address}" for address in page.loaded if _is_external(address)]
        for address in page.links + page.loaded:
            if _is_external(address) or address.startswith(("data:", "mailto:")):
                continue
            parts = urlsplit(address)
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.is_file():
                faults.append(f"{name}: no file for {address}")
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
                faults.append(f"{name}: no anchor for {address}")
    return faults


def check_in_browser(site: Path) -> list[str]:
    """Return the faults that Chromium shows."""
    names = [str(path.relative_to(site)) for path in sorted(site.rglob("*.html"))]
    faults = []
    with _serve(site) as address:
        for width, theme in _VIEWS:
            with _chromium() as driver:
                _set_view(driver, width, theme)
                for name in names:
                    faults += [
                        f"{name}, {width} pixels, {theme}: {fault}" for fault in _faults(driver, address + name, width)
                    ]
        with _chromium() as driver:
            driver.get(f"{address}search.html?q=LeNetClassifier")
            driver.implicitly_wait(10)
            if not driver.find_elements("css selector", "#search-results li a[href*='sklenet.LeNetClassifier']"):
                faults.append("search.html: LeNetClassifier is not found")
    return faults


def _faults(driver, address: str, width: int) -> Iterator[str]:
    driver.get(address)
    scrolled, visible = driver.execute_script(_WIDTH_OF_PAGE)
    if scrolled > visible:
        yield f"the page scrolls sideways, {scrolled} of {visible} pixels"
    if width == _CODE_WIDTH:
        yield from (f"code scrolls: {line}" for line in driver.execute_script(_SCROLLING_CODE))
    yield from (f"console: {entry['message']}" for entry in driver.get_log("browser") if entry["level"] == "SEVERE")


class _Server(ThreadingHTTPServer):
    def handle_error(self, request, client_address) -> None:
        """Report errors, but for those of a browser that leaves a page before everything has come."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def _serve(site: Path) -> Iterator[str]:
    """Serve a folder on this machine, and yield the address."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *arguments) -> None:
            pass

    with _Server(("127.0.0.1", 0), functools.partial(Quiet, directory=site)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@contextmanager
def _chromium():
    options = webdriver.ChromeOptions()
    for argument in ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver"))) as driver:
        yield driver


def _set_view(driver, width: int, theme: str) -> None:
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    features = [{"name": "prefers-color-scheme", "value": theme}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def _is_external(address: str) -> bool:
    return address.startswith(("http://", "https://", "//"))


def main() -> int:
    """Print the faults of the site, and return their number."""
    site = Path(sys.argv[1]).resolve()
    faults = check_links(site) + check_in_browser(site)
    print("\n".join(faults) or f"{len(list(site.rglob('*.html')))} pages without a fault")
    return min(len(faults), 1)


if __name__ == "__main__":
    sys.exit(main())
