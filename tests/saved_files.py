"""A saved model taken apart, changed and put together again, well-formed or not."""

import json
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from sklearn.datasets import load_digits

from sklenet import LeNetClassifier

LENGTH = 8


@cache
def saved_bytes():
    """Return the bytes of a small saved model of ten classes, 8×8 pixels."""
    X, y = load_digits(return_X_y=True)
    model = LeNetClassifier(width=0.2, max_epochs=1, batch_size=32, random_state=0, device="cpu").fit(X[:60], y[:60])
    with TemporaryDirectory() as folder:
        model.save(Path(folder, "model"))
        return Path(folder, "model").read_bytes()


class Parts:
    """The document, the header's entries and the tensors of a file, to be changed in place."""

    def __init__(self, content=None):
        content = saved_bytes() if content is None else content
        n_header = int.from_bytes(content[:LENGTH], "little")
        self.entries = json.loads(content[LENGTH : LENGTH + n_header])
        self.document = json.loads(self.entries.pop("__metadata__")["sklenet"])
        data = content[LENGTH + n_header :]
        kinds = {"F32": np.float32, "U8": np.uint8}
        self.tensors = {}
        for name, entry in self.entries.items():
            part = data[slice(*entry["data_offsets"])]
            self.tensors[name] = np.frombuffer(part, kinds[entry["dtype"]]).reshape(entry["shape"]).copy()

    def layout(self):
        """Return the entries that describe the tensors, one after another."""
        entries, start = {}, 0
        for name, tensor in self.tensors.items():
            dtype = {"float32": "F32", "uint8": "U8", "float64": "F64"}.get(tensor.dtype.name, tensor.dtype.name)
            offsets = [start, start := start + tensor.nbytes]
            entries[name] = {"dtype": dtype, "shape": list(tensor.shape), "data_offsets": offsets}
        return entries

    def to_bytes(self, document=None, entries=None):
        """Return a file with the tensors, and with another document or other entries where they are given."""
        text = json.dumps(self.document) if document is None else document
        entries = self.layout() if entries is None else entries
        header = json.dumps({"__metadata__": {"sklenet": text}, **entries})
        return with_header(header.encode(), b"".join(each.tobytes() for each in self.tensors.values()))


def with_header(header, data=b""):
    return len(header).to_bytes(LENGTH, "little") + header + data
