"""Draw the picture of drawing_page.md: `python docs/draw_page.py`. Chromium and selenium are needed."""

import io
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

if __name__ == "__main__":
    folder = Path(__file__).parent
    sys.path.insert(0, str(folder.parent / "benchmarks"))
    from browsing import draw, open_browser, open_page
    from handwriting import STYLES, write
    from sklenet import LeNetClassifier
    from sklenet.datasets import load_mnist_sample
    from sklenet.export import to_html

    X, y = load_mnist_sample(subset="train", return_X_y=True)
    with TemporaryDirectory() as scratch, open_browser() as browser:
        page = Path(scratch, "draw.html")
        to_html(LeNetClassifier(random_state=0).fit(X, y), page, title="Draw a digit")
        open_page(browser, page)
        draw(browser, write(3, STYLES[2]))
        time.sleep(1)  # until the bars have moved
        picture = Image.open(io.BytesIO(browser.get_screenshot_as_png())).convert("RGB")
    picture.quantize(64, dither=Image.Dither.NONE).save(folder / "images" / "drawing_page.png", optimize=True)
