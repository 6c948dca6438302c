"""`to_html`: a fitted model as a web page that recognises drawn characters."""

import base64
import hashlib
import html
import os
from importlib.resources import files
from string import Template
from typing import Any

from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from sklenet._checks import Shape, check_choice, shorten
from sklenet._classifier import LeNetClassifier
from sklenet._files import write_atomically
from sklenet.export._packing import pack
from sklenet.preprocessing._framing import MNIST_BOX

_DTYPES = ("float32", "float16")

# The parts of the page's script, in order.
_SCRIPTS = ("network.js", "familiarity.js", "framing.js", "photo.js", "drawing.js", "page.js")

# Nothing may be loaded, sent or run but what the page has when it is written. Trusted types refuse markup from scripts.
_POLICY = (
    "default-src 'none'; img-src data:; script-src '{script}'; style-src '{style}'; base-uri 'none'; "
    "form-action 'none'; require-trusted-types-for 'script'"
)


def to_html(
    estimator: LeNetClassifier,
    path: str | os.PathLike[str] | None = None,
    *,
    title: str = "Draw a character",
    dtype: str = "float32",
    box: int | None = None,
    X: ArrayLike | None = None,
) -> str | None:
    """Make a web page that recognises drawn characters by a fitted classifier.

    The page is one file that works without a network, in a present-day browser on a computer, tablet or phone. It shows
    the most probable classes, the image that the network gets, and the maps of C1 and C3, while one draws with a mouse,
    a finger or a pen. A photo of one character can be dropped, pasted or chosen.

    Parameters
    ----------
    estimator : LeNetClassifier
        Fitted.
    path : str, os.PathLike or None, default=None
        File to write, usually named ".html". The file is written as a whole or not at all. With None, the page is
        returned.
    title : str, default="Draw a character"
        Title of the page, as plain text.
    dtype : {"float32", "float16"}, default="float32"
        Dtype of the weights in the page. With "float32" the logits are those of `decision_function` within 1e-4; with
        "float16" the page is smaller by two fifths and the logits differ by some thousandths.
    box : int or None, default=None
        Longer side to which drawings are scaled, in pixels of the training images. None is 20/28 of the shorter side of
        the images, as in MNIST. Pass the side of the image if the training images have no margin.
    X : array-like or None, default=None
        Images like the training images, best some that the model was not trained on, from which the page learns what is
        "not like a character I know": what scores lower than 1 % of these. With None, the threshold depends on the
        model alone; see Notes.

    Returns
    -------
    page : str or None
        The page if `path` is None, otherwise None.

    Raises
    ------
    TypeError
        If the estimator is not a LeNetClassifier, or the title is not a str.
    NotFittedError
        If the classifier is not fitted.
    ValueError
        If another parameter is not as described, or `X` is given and the model has no statistics for `score_samples`.
    OSError
        If the file cannot be written.

    See Also
    --------
    sklenet.preprocessing.CharacterFramer : Frames pictures as the page frames drawings.
    sklenet.LeNetClassifier.score_samples : Scores how much images look like the training images.

    Notes
    -----
    A drawing is cropped to its ink, scaled to the box and centred by its mass, as :class:`CharacterFramer` does, and
    brought to the scale of the training pixels: paper is the median of the training images' border pixels, and full ink
    the end of the range of the training pixels that is farther away.

    The page says "Not like a character I know" where `score_samples` is below a threshold, which is minus the number of
    units of F6 unless `X` is given. With a model that was trained on ten thousand images of MNIST, 2 % of new digits
    and 56 % of letters were below; with a thousand images, 3.5 % and 66 %. Models that were stored
    without statistics always answer.

    `test_time_augment` is used as it is set when this function is called.

    Class names appear as text, whatever characters they have. The content security policy of the page forbids requests
    and any script but the page's own.

    Examples
    --------
    >>> from sklenet import LeNetClassifier
    >>> from sklenet.datasets import load_mnist_sample
    >>> from sklenet.export import to_html
    >>> X, y = load_mnist_sample(return_X_y=True)
    >>> clf = LeNetClassifier(max_epochs=5, random_state=0).fit(X[:300], y[:300])
    >>> page = to_html(clf, title="My digits")
    >>> page.startswith("<!doctype html>"), len(page) < 450_000
    (True, True)
    """
    _check_classifier(estimator)
    check_choice("to_html", "dtype", dtype, _DTYPES)
    if not isinstance(title, str):
        raise TypeError(f"The 'title' parameter of to_html must be a str. Got {shorten(title)} instead.")
    model = pack(estimator, dtype=dtype, box=_resolve_box(box, estimator.image_shape_), X=X)
    page = _assemble(title, model)
    if path is None:
        return page
    write_atomically(path, page.encode("utf-8"))
    return None


def _check_classifier(estimator: Any) -> None:
    if isinstance(estimator, LeNetClassifier):
        check_is_fitted(estimator)
        return
    remedy = ""
    if hasattr(estimator, "steps"):
        remedy = (
            "; the page holds only the network, so pass the last step, pipeline[-1], if the steps before it only "
            "multiply all pixels by one number"
        )
    elif hasattr(estimator, "best_estimator_") or hasattr(estimator, "estimator"):
        remedy = "; pass the LeNetClassifier inside"
    raise TypeError(f"to_html needs a fitted LeNetClassifier. Got {shorten(estimator)} instead{remedy}.")


def _resolve_box(box: int | None, shape: Shape) -> int:
    if box is None:
        return max(1, round(min(shape) * MNIST_BOX))
    if isinstance(box, bool) or not isinstance(box, int) or not 1 <= box <= min(shape):
        raise ValueError(
            f"The 'box' parameter of to_html must be an int from 1 to {min(shape)}, the shorter side of the images, or "
            f"None. Got {shorten(box)} instead."
        )
    return box


def _assemble(title: str, model: str) -> str:
    """Join the parts of the page."""
    script, style = "\n".join(map(_read, _SCRIPTS)), _read("style.css")
    return Template(_read("page.html")).substitute(
        # Characters that UTF-8 cannot encode, such as half of a surrogate pair, become references.
        title=html.escape(title).encode("ascii", "xmlcharrefreplace").decode("ascii"),
        policy=_POLICY.format(script=_hash(script), style=_hash(style)),
        style=style,
        model=model,
        script=script,
    )


def _read(name: str) -> str:
    # Browsers compute the hash of a script from lines that end with "\n", whatever the file has.
    return (files("sklenet.export") / "page" / name).read_text(encoding="utf-8")


def _hash(source: str) -> str:
    """Return the hash by which a content security policy allows an inline script or style."""
    return f"sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}"
