"""Test the loaders without the packages of the extra."""

import sys

import numpy as np
import pytest

from sklenet.datasets import fetch_dataset, load_image_folder, load_mnist_sample, load_pixel_csv, make_characters
from sklenet.preprocessing import find_characters

INSTALL = r"needs the package {}, which is not installed; .* pip install 'sklenet\[datasets\]'"
INSTALL_IMAGES = INSTALL.replace("datasets", "images")


@pytest.mark.parametrize("package", ["PIL", "matplotlib", "fontTools"])
def test_characters_need_the_packages(uninstall, package):
    uninstall(package)
    with pytest.raises(ImportError, match=INSTALL.format(package)):
        make_characters(10)


def test_pictures_need_pillow(tmp_path, uninstall):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "1.png").touch()
    uninstall("PIL")
    with pytest.raises(ImportError, match=INSTALL_IMAGES.format("PIL")):
        load_image_folder(tmp_path)


@pytest.mark.parametrize("package", ["PIL", "skimage"])
def test_framing_needs_the_packages(uninstall, package):
    uninstall(package)
    picture = np.full((90, 90), 230, np.uint8)
    picture[20:60, 20:25] = picture[0, 0] = 20
    with pytest.raises(ImportError, match=INSTALL_IMAGES.format(package)):
        find_characters(picture)


def test_downloads_need_pooch(tmp_path, publish, uninstall):
    uninstall("pooch")
    with pytest.raises(ImportError, match=INSTALL.format("pooch")):
        fetch_dataset("mnist", data_home=tmp_path)


def test_cached_files_need_no_extra(tmp_path, publish, uninstall):
    publish("mnist").write(tmp_path)
    uninstall("pooch", "PIL", "matplotlib", "fontTools")
    assert fetch_dataset("mnist", data_home=tmp_path).images.shape == (12, 28, 28)
    assert load_mnist_sample().images.shape == (6000, 28, 28)
    (tmp_path / "images.csv").write_text("label,pixel0\n1,2\n")
    assert np.array_equal(load_pixel_csv(tmp_path / "images.csv").data, [[2]])


def test_missing_dependency_of_an_installed_package_is_named(tmp_path, monkeypatch):
    (tmp_path / "pooch.py").write_text("import no_such_package_of_pooch")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "pooch", raising=False)
    with pytest.raises(ImportError, match="no_such_package_of_pooch"):
        fetch_dataset("mnist", data_home=tmp_path)
