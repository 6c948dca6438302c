"""Train on a folder of pictures, read pictures, and export models.

python -m sklenet fit my_letters/ letters.safetensors
python -m sklenet predict letters.safetensors photo.png
python -m sklenet evaluate letters.safetensors other_letters/
python -m sklenet export letters.safetensors draw.html
python -m sklenet datasets

Every picture is framed as CharacterFramer frames pictures, in training and in prediction.
"""

import argparse
import ast
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

_AFTER_CTRL_C = 130  # as shells return


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0, 1 after an error, 2 for a wrong argument, 130 after Ctrl-C."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    if arguments[:1] == ["datasets"]:
        return import_module("sklenet.datasets.__main__").main(arguments[1:])
    parser = _make_parser()
    options = vars(parser.parse_args(arguments))
    command = options.pop("command")
    try:
        with _short_warnings():
            # Imported late, because the import of torch takes seconds. Help and wrong arguments do not need torch.
            text = getattr(import_module("sklenet._commands"), command)(**options)
    except (ImportError, OSError, ValueError) as error:
        sys.stderr.write(f"{parser.prog} {command}: {error}\n")
        return 1
    except KeyboardInterrupt:
        return _AFTER_CTRL_C
    sys.stdout.write(text)
    return 0


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sklenet", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_fit(commands)
    _add_predict(commands)
    evaluate = commands.add_parser("evaluate", help="count what a model reads wrong in a folder of labelled pictures")
    _add_model(evaluate)
    evaluate.add_argument("folder", type=Path, metavar="FOLDER", help="a folder for each class, of pictures")
    export = commands.add_parser(
        "export", help="write a model as ONNX, or as a web page that recognises drawn characters"
    )
    _add_model(export)
    export.add_argument("output", type=Path, metavar="OUTPUT", help="file to write, .onnx or .html")
    export.add_argument(
        "--dtype", help=".onnx: of the pixels, uint8 (default) or float32; .html: of the weights, float32 or float16"
    )
    commands.add_parser(
        "datasets", help="list or fetch data sets, or cut a form; see python -m sklenet datasets --help"
    )
    return parser


def _add_fit(commands: Any) -> None:
    parser = commands.add_parser("fit", help="train a model on a folder of labelled pictures")
    add = parser.add_argument
    add("folder", type=Path, metavar="FOLDER", help="a folder for each class, of pictures of one character each")
    add("model", type=Path, metavar="MODEL", help="file to write, .safetensors")
    add("--image-shape", type=int, nargs=2, default=(28, 28), metavar=("H", "W"), help="pixels (default: 28 28)")
    add(
        "--hold-out", type=float, metavar="SHARE", help="leave out this share of the pictures, and read them afterwards"
    )
    add(
        "--param",
        dest="parameters",
        type=_parse_parameter,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="parameter of LeNetClassifier, such as random_state=0; may be repeated",
    )


def _add_predict(commands: Any) -> None:
    parser = commands.add_parser("predict", help="read pictures")
    _add_model(parser)
    add = parser.add_argument
    add("pictures", type=Path, nargs="+", metavar="PICTURE", help="picture of one character, dark on light or inverted")
    add("--page", action="store_true", help="find the characters in pictures of one or more lines")
    add("--probabilities", action="store_true", help="print the probability of each class")
    add("--format", choices=["csv", "json"], default="csv", help="default: csv")


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", type=Path, metavar="MODEL", help="file that fit, or LeNetClassifier.save, has written")


def _parse_parameter(text: str) -> tuple[str, Any]:
    """Split NAME=VALUE; a value that is no literal of Python is text."""
    name, is_assigned, value = text.partition("=")
    if not is_assigned:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value


@contextmanager
def _short_warnings() -> Iterator[None]:
    """Print warnings as sentences, without the lines of code that issue them."""
    with warnings.catch_warnings():
        warnings.showwarning = _write_warning
        yield


def _write_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    sys.stderr.write(f"Warning: {message}\n")


if __name__ == "__main__":
    sys.exit(main())
