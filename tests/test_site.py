"""The program that checks the built documentation finds what is broken."""

import importlib.util
import sys
from pathlib import Path

import pytest

spec = importlib.util.spec_from_file_location("check_site", Path(__file__).parents[1] / "docs" / "check_site.py")
check_site = importlib.util.module_from_spec(spec)
spec.loader.exec_module(check_site)


def write(folder, **pages):
    for name, body in pages.items():
        (folder / f"{name}.html").write_text(f"<html><body>{body}</body></html>", encoding="utf-8")


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ('<a href="missing.html">x</a>', "index.html: no file for missing.html"),
        ('<a href="other.html#nowhere">x</a>', "index.html: no anchor for other.html#nowhere"),
        ('<a href="#nowhere">x</a>', "index.html: no anchor for #nowhere"),
        ('<img src="missing.png">', "index.html: no file for missing.png"),
        ('<img srcset="missing.png, missing2.png 2x">', "index.html: no file for missing2.png"),
        ('<script src="https://example.com/a.js"></script>', "index.html: loads https://example.com/a.js"),
        ('<link rel="stylesheet" href="//example.com/a.css">', "index.html: loads //example.com/a.css"),
        ('<iframe src="missing.html"></iframe>', "index.html: no file for missing.html"),
    ],
)
def test_faults_of_links_are_found(body, fault, tmp_path):
    write(tmp_path, index=body, other='<p id="here">x</p>')
    assert fault in check_site.check_links(tmp_path)


def test_right_links_are_no_faults(tmp_path):
    links = ["other.html", "other.html#here", "#top", "https://example.com", "mailto:a@example.com"]
    body = '<p id="top"></p>' + "".join(f'<a href="{link}">x</a>' for link in links)
    write(tmp_path, index=body + '<link rel="canonical" href="https://example.com">', other='<p id="here">x</p>')
    assert check_site.check_links(tmp_path) == []


def test_program_fails_and_prints_the_faults(tmp_path, monkeypatch, capsys):
    write(tmp_path, index='<a href="missing.html">x</a>')
    monkeypatch.setattr(sys, "argv", ["check_site.py", str(tmp_path)])
    monkeypatch.setattr(check_site, "check_in_browser", lambda site: [])
    assert check_site.main() == 1
    assert "no file for missing.html" in capsys.readouterr().out
