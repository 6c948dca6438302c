"""The command that cuts a sheet into pictures of labelled characters."""

import re

import numpy as np
import pytest
from PIL import Image

from pictures_of_digits import mnist_digits, similarity
from sklenet.datasets import load_image_folder
from sklenet.datasets.__main__ import main

N_ROWS, N_COLUMNS, SIDE = 4, 5, 40


@pytest.fixture
def sheet(tmp_path):
    """Write a form of digits with lines, whose last cell is empty, and its labels; return the command's arguments."""
    digits, labels = mnist_digits(N_ROWS * N_COLUMNS - 1)
    picture = np.full((SIDE * N_ROWS + 20, SIDE * N_COLUMNS + 20), 255, np.uint8)
    picture[10 : 11 + SIDE * N_ROWS : SIDE, 10 : 11 + SIDE * N_COLUMNS] = 0
    picture[10 : 11 + SIDE * N_ROWS, 10 : 11 + SIDE * N_COLUMNS : SIDE] = 0
    for index, digit in enumerate(digits):
        top, left = (16 + SIDE * number for number in divmod(index, N_COLUMNS))
        picture[top : top + 28, left : left + 28] = 255 - digit
    Image.fromarray(picture).save(tmp_path / "scan.png")
    (tmp_path / "labels.txt").write_text("\n".join(map(str, [*labels, 7])))
    return [
        "sheet", str(tmp_path / "scan.png"), "--rows", str(N_ROWS), "--columns", str(N_COLUMNS),
        "--labels", str(tmp_path / "labels.txt"), "--output", str(tmp_path / "letters"),
    ]  # fmt: skip


def run(arguments, capsys):
    """Run the command line, and return its exit code and its output."""
    try:
        code = main(arguments)
    except SystemExit as error:
        code = error.code
    captured = capsys.readouterr()
    return code, captured.out + captured.err


def test_cells_become_pictures_that_the_loader_reads(sheet, tmp_path, capsys):
    digits, labels = mnist_digits(N_ROWS * N_COLUMNS - 1)
    code, output = run(sheet, capsys)
    assert code == 0
    assert "into 19 pictures of" in output
    assert "Empty cells: row 4, column 5." in output
    data = load_image_folder(tmp_path / "letters", frame=True)
    assert sorted(data.target.tolist()) == sorted(map(str, labels))
    for image, file in zip(data.images, data.filenames, strict=True):
        row, column = file.removesuffix(".png").split("-row")[1].split("-column")
        original = digits[(int(row) - 1) * N_COLUMNS + int(column) - 1]
        assert similarity(image, original) > 0.6  # a digit has specks, and another box without them


def test_pictures_are_not_overwritten(sheet, capsys):
    assert run(sheet, capsys)[0] == 0
    code, output = run(sheet, capsys)
    assert code == 1
    assert "File exists" in output


@pytest.mark.slow
def test_a_grid_that_is_not_found_is_drawn(sheet, tmp_path, capsys):
    sheet[3] = "2"
    (tmp_path / "labels.txt").write_text("x\n" * 10)
    code, output = run(sheet, capsys)
    assert code == 1
    assert "A grid of 2 rows and 5 columns was not found." in output
    assert f"The grid is drawn in {tmp_path / 'letters-grid.png'}." in output
    with Image.open(tmp_path / "letters-grid.png") as picture:
        assert min(picture.size) > 300
    assert not (tmp_path / "letters").exists()


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (b"a\nb\n", r"labels.txt has 2 lines, but 4 rows of 5 columns are 20 cells"),
        (b"a\n" * 19 + b"\n", r"Line 20 of .*labels.txt is '', which cannot name the folder of a class"),
        (b"a\n" * 19 + b"../b", r"Line 20 of .*labels.txt is '../b', which cannot name"),
        (b"\xff" * 20, r"labels.txt is not a text file in UTF-8"),
    ],
)
def test_labels_are_validated(sheet, tmp_path, capsys, labels, message):
    (tmp_path / "labels.txt").write_bytes(labels)
    code, output = run(sheet, capsys)
    assert code == 1
    assert re.search(message, output)
    assert output.count("\n") == 1


def test_files_that_are_missing_are_named(sheet, tmp_path, capsys):
    (tmp_path / "scan.png").unlink()
    code, output = run(sheet, capsys)
    assert code == 1
    assert "scan.png" in output


@pytest.mark.parametrize("option", ["--rows", "--columns", "--labels", "--output"])
def test_options_of_a_sheet_are_required(sheet, capsys, option):
    index = sheet.index(option)
    code, output = run(sheet[:index] + sheet[index + 2 :], capsys)
    assert code == 2
    assert f"the following arguments are required: {option}" in output
