"""Time the command line from its start to an answer, and what it spends the time on.

    python benchmarks/command_line.py

Each step is a process of its own, the steps take turns, and the table has medians over the rounds.
"""

import subprocess
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import pandas as pd
from PIL import Image

from formatting import as_markdown
from measuring import seconds
from sklenet import LeNetClassifier
from sklenet.datasets import load_mnist_sample

_N_ROUNDS = 7
_IMPORTS = {
    "Python": "pass",
    "import torch": "import torch",
    "import torch, scikit-learn, skorch": "import torch, sklearn.metrics, skorch",
    "import of the commands": "import sklenet._commands",
}


def main() -> None:
    """Run the command line."""
    with TemporaryDirectory() as folder:
        model, picture = Path(folder, "model.safetensors"), Path(folder, "picture.png")
        X, y = load_mnist_sample(subset="train", return_X_y=True)
        LeNetClassifier(random_state=0).fit(X[:500], y[:500]).save(model)
        Image.fromarray(255 - X[0].reshape(28, 28)).resize((200, 200)).save(picture)
        steps = {name: ["-c", code] for name, code in _IMPORTS.items()}
        steps["sklenet predict, to the answer"] = ["-m", "sklenet", "predict", str(model), str(picture)]
        times: dict[str, list[float]] = {name: [] for name in steps}
        for _ in range(_N_ROUNDS):
            for name, arguments in steps.items():
                times[name].append(_run(arguments))
    medians = pd.Series({name: median(values) for name, values in times.items()})
    share = medians / medians.iloc[-1]
    print(
        as_markdown(
            pd.DataFrame(
                {
                    "step": medians.index,
                    "seconds": medians.map("{:.2f}".format).to_numpy(),
                    "share": share.map("{:.0%}".format).to_numpy(),
                }
            )
        )
    )


def _run(arguments: list[str]) -> float:
    command = [sys.executable, *arguments]
    return seconds(lambda: subprocess.run(command, check=True, capture_output=True))  # noqa: S603 - written above


if __name__ == "__main__":
    main()
