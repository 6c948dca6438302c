"""Fonts: which are there, what characters each has, and how those are drawn."""

import os
import string
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from sklenet.datasets._extras import import_extra

# Pixels per em in which glyphs are drawn before they are sampled: some four times as fine as a 28 × 28 image.
_EM = 96

# Of the fonts that matplotlib ships, those of text, by family. Left out are fonts of mathematical symbols (cmex10,
# cmmi10, cmsy10, STIXSize*, STIXNonUnicode, DejaVu * Display) and that of last resort, which draws a box for anything.
_SHIPPED = {
    "DejaVu Sans": ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSans-BoldOblique"),
    "DejaVu Sans Mono": (
        "DejaVuSansMono",
        "DejaVuSansMono-Bold",
        "DejaVuSansMono-Oblique",
        "DejaVuSansMono-BoldOblique",
    ),
    "DejaVu Serif": ("DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-Italic", "DejaVuSerif-BoldItalic"),
    "STIXGeneral": ("STIXGeneral", "STIXGeneralBol", "STIXGeneralItalic", "STIXGeneralBolIta"),
    "Computer Modern Roman": ("cmr10", "cmb10", "cmti10"),
    "Computer Modern Sans": ("cmss10",),
    "Computer Modern Typewriter": ("cmtt10",),
}
# Computer Modern has TeX's own encoding: at other places than these its files have other characters than they say.
_TEX_CHARACTERS = frozenset(string.ascii_letters + string.digits)


@dataclass(frozen=True)
class Face:
    """One font: a family in one weight and slant, with the characters that it has."""

    path: Path
    family: str
    characters: frozenset[str]

    @cached_property
    def _font(self) -> Any:
        font = import_extra("PIL.ImageFont")
        # The basic layout is the same on every machine; the other needs a library that may be missing.
        return font.truetype(self.path, _EM, layout_engine=font.Layout.BASIC)

    def box(self, character: str) -> tuple[int, int, int, int] | None:
        """Left, top, right and bottom of a character's ink, in pixels from the origin on the baseline.

        None where the font does not have the character, or no ink for it.
        """
        if character not in self.characters:
            return None
        mask, (x, y) = self._font.getmask2(character, "L", anchor="ls")
        ink = mask.getbbox()
        return ink and (ink[0] + x, ink[1] + y, ink[2] + x, ink[3] + y)

    def outline(self, character: str, box: tuple[int, int, int, int], margin: int) -> NDArray[np.float32]:
        """Signed distance of each pixel from a character's outline, positive inside, in a box and a margin around."""
        image, draw = import_extra("PIL.Image"), import_extra("PIL.ImageDraw")
        left, top, right, bottom = box
        picture = image.new("L", (right - left + 2 * margin, bottom - top + 2 * margin))
        draw.Draw(picture).text((margin - left, margin - top), character, fill=255, font=self._font, anchor="ls")
        inside = np.asarray(picture) > 127
        return (distance_transform_edt(inside) - distance_transform_edt(~inside)).astype(np.float32)


def shipped_faces() -> list[Face]:
    """Fonts of text that matplotlib ships."""
    folder = Path(import_extra("matplotlib").get_data_path(), "fonts", "ttf")
    faces = []
    for family, names in _SHIPPED.items():
        for name in names:
            path = folder / f"{name}.ttf"
            known = _TEX_CHARACTERS if family.startswith("Computer Modern") else None
            faces.append(Face(path, family, _read(path)[1] if known is None else known))
    return faces


def read_faces(paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]]) -> list[Face]:
    """Fonts in files.

    Raises
    ------
    ValueError
        If there is no file, or one is no font, one of symbols, or one of last resort.
    """
    files = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    if not files:
        raise ValueError("The 'fonts' parameter of make_characters is empty; name font files, or pass None.")
    return [Face(Path(path), *_read(Path(path))) for path in files]


def _read(path: Path) -> tuple[str, frozenset[str]]:
    """Family and characters of a font file."""
    fonts = import_extra("fontTools.ttLib")
    try:
        with path.open("rb") as file, fonts.TTFont(file, lazy=True, fontNumber=0) as font:
            family = font["name"].getBestFamilyName() or path.stem
            # Without those that stand for the box of a missing character.
            characters = font.getBestCmap()
    except (fonts.TTLibError, KeyError) as error:
        raise ValueError(f"{path} is no font that can be read: {error}.") from error
    if not characters:
        raise ValueError(f"{path} has no characters of Unicode: it is a font of symbols.")
    if "last resort" in family.lower():
        raise ValueError(f"{path} is a font of last resort, which draws a box for anything.")
    return family, frozenset(map(chr, characters))
