"""Write data sets in their published layouts. Each writer takes a data set and {split: (images, labels)}."""

import bz2
import gzip
import io
import struct
import zipfile

import numpy as np
from PIL import Image


def idx_bytes(array, code=0x08):
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


def zip_bytes(members):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    return content.getvalue()


def npz_bytes(array):
    content = io.BytesIO()
    np.savez_compressed(content, array)
    return content.getvalue()


def idx_files(dataset, splits):
    return {
        file.name: gzip.compress(idx_bytes(array))
        for split, arrays in splits.items()
        for file, array in zip(dataset.files[split], arrays, strict=True)
    }


def qmnist_files(dataset, splits):
    files = {}
    for split, (images, labels) in splits.items():
        i = np.arange(len(labels))
        # Columns: class, series, writer, index of the writer's digit, NIST's class and index, duplicate, unused.
        table = np.stack([labels, 0 * i, 2100 + i // 2, i % 2, 30 + labels, 1000 + i, 0 * i, 0 * i], 1).astype(np.int32)
        names = [file.name for file in dataset.files[split]]
        files |= {names[0]: gzip.compress(idx_bytes(images)), names[1]: gzip.compress(idx_bytes(table, 0x0C))}
    return files


def emnist_files(dataset, splits):
    members = {"gzip/emnist-mnist-train-images-idx3-ubyte.gz": b"not asked for"}
    for split, (images, labels) in splits.items():
        stem = f"gzip/emnist-{dataset.variant}-{split}"
        members[f"{stem}-images-idx3-ubyte.gz"] = gzip.compress(idx_bytes(images.transpose(0, 2, 1)))
        members[f"{stem}-labels-idx1-ubyte.gz"] = gzip.compress(idx_bytes(np.uint8(labels + dataset.first_label)))
    return {"gzip.zip": zip_bytes(members)}


def npz_files(dataset, splits):
    return {
        file.name: npz_bytes(array)
        for split, arrays in splits.items()
        for file, array in zip(dataset.files[split], arrays, strict=True)
    }


def usps_files(dataset, splits):
    files = {}
    for split, (images, labels) in splits.items():
        lines = []
        for image, label in zip(images, labels, strict=True):
            pixels = " ".join(f"{i}:{p / 127.5 - 1:.6f}" for i, p in enumerate(image.ravel(), 1))
            lines.append(f"{label + 1} {pixels} \n")
        files[dataset.files[split][0].name] = bz2.compress("".join(lines).encode())
    return files


def omniglot_files(dataset, splits):
    files = {}
    for split, (images, labels) in splits.items():
        folder = {"train": "images_background", "test": "images_evaluation"}[split]
        members = {f"{folder}/.DS_Store": b"rubbish"}
        for drawer, (image, label) in enumerate(zip(images, labels, strict=True), 1):
            picture = io.BytesIO()
            Image.fromarray(255 - image).convert("1").save(picture, "PNG")
            members[f"{folder}/{dataset.classes[label]}/{label:04d}_{drawer:02d}.png"] = picture.getvalue()
        files[dataset.files[split][0].name] = zip_bytes(members)
    return files


WRITERS = {
    "idx": idx_files,
    "qmnist": qmnist_files,
    "emnist": emnist_files,
    "npz": npz_files,
    "usps": usps_files,
    "omniglot": omniglot_files,
}
