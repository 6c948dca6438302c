"""Sphinx configuration: `sphinx-build -W docs docs/_build`."""

import re
import sys
from pathlib import Path

import matplotlib as mpl
from sphinx_gallery.sorting import FileNameSortKey

from sklenet import __version__

FOLDER = Path(__file__).parent
EXAMPLES = FOLDER.parent / "examples"
sys.path.append(str(FOLDER))  # for landing_page, a module of this folder
import landing_page  # noqa: E402

project = "sklenet"
author = "The sklenet developers"
project_copyright = author
release = __version__
extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "sphinxext.opengraph",
]
exclude_patterns = ["_build"]
templates_path = ["_templates"]
# The pages link to files of the repository that are no pages; inherited docstrings refer to scikit-learn's glossary;
# the function in autosummary_context cannot be cached.
suppress_warnings = ["myst.xref_missing", "ref.term", "config.cache"]

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

numpydoc_show_class_members = False
autodoc_typehints = "none"
autosummary_context = {"is_in_gallery": lambda name: bool(re.search(rf"\b{name}\b", _read_examples()))}

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

# Pages refer to each other by relative addresses, so that the site can be served from anywhere.
ogp_site_name = project
ogp_description_length = 200
ogp_social_cards = {"enable": False}

sphinx_gallery_conf = {
    "examples_dirs": str(EXAMPLES),
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"/plot_",
    "within_subsection_order": FileNameSortKey,
    "doc_module": "sklenet",
    "reference_url": {"sklenet": None},
    "backreferences_dir": "generated/backreferences",
    "abort_on_example_error": True,
    "capture_repr": (),  # examples print what is to be read
    "show_memory": False,
    "show_signature": False,
    "write_computation_times": False,
    "download_all_examples": False,
    "remove_config_comments": True,
    "image_srcset": ["2x"],
}

html_theme = "furo"
html_title = project
html_static_path = ["_static"]
html_favicon = "_static/favicon.svg"
html_css_files = ["sklenet.css"]
html_show_sourcelink = False
html_copy_source = False

mpl.use("Agg")


def _read_examples() -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(EXAMPLES.glob("*.py")))


def setup(app):
    """Write the files of the landing page before the pages are read."""
    app.connect("builder-inited", landing_page.write)
