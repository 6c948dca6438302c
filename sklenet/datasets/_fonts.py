"""Read font files, list the characters of a font, and draw characters."""

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

from sklenet._extras import import_extra

# Pixels per em at which glyphs are drawn before sampling: about four times the resolution of a 28 × 28 image.
_EM = 96

# The text fonts that matplotlib ships, by family. The table omits fonts of mathematical symbols (cmex10, cmmi10,
# cmsy10, STIXSize*, STIXNonUnicode, DejaVu * Display) and the font of last resort, which draws a box for every
# character.
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
# The files of Computer Modern use an encoding of TeX, which agrees with their Unicode tables at these characters only.
_TEX_CHARACTERS = frozenset(string.ascii_letters + string.digits)


@dataclass(frozen=True)
class Face:
    """A font of a family, in one weight and slant, with the set of its characters."""

    path: Path
    family: str
    characters: frozenset[str]

    @cached_property
    def _font(self) -> Any:
        font = import_extra("PIL.ImageFont")
        # The basic layout is the same on every machine; the other layout needs a library that may be missing.
        return font.truetype(self.path, _EM, layout_engine=font.Layout.BASIC)

    def box(self, character: str) -> tuple[int, int, int, int] | None:
        """Return the left, top, right and bottom edge of a character's ink, in pixels from the origin on the baseline.

        Return None if the font does not contain the character, or draws no ink for it.
        """
        if character not in self.characters:
            return None
        mask, (x, y) = self._font.getmask2(character, "L", anchor="ls")
        ink = mask.getbbox()
        return ink and (ink[0] + x, ink[1] + y, ink[2] + x, ink[3] + y)

    def outline(self, character: str, box: tuple[int, int, int, int], margin: int) -> NDArray[np.float32]:
        """Return the signed distance of each pixel from a character's outline, positive inside.

        The array covers the box of the character and a margin around the box.
        """
        image, draw = import_extra("PIL.Image"), import_extra("PIL.ImageDraw")
        left, top, right, bottom = box
        picture = image.new("L", (right - left + 2 * margin, bottom - top + 2 * margin))
        draw.Draw(picture).text((margin - left, margin - top), character, fill=255, font=self._font, anchor="ls")
        inside = np.asarray(picture) > 127
        return (distance_transform_edt(inside) - distance_transform_edt(~inside)).astype(np.float32)


def shipped_faces() -> list[Face]:
    """Return the text fonts that matplotlib ships."""
    folder = Path(import_extra("matplotlib").get_data_path(), "fonts", "ttf")
    faces = []
    for family, names in _SHIPPED.items():
        for name in names:
            path = folder / f"{name}.ttf"
            is_tex = family.startswith("Computer Modern")
            faces.append(Face(path, family, _TEX_CHARACTERS if is_tex else _read(path)[1]))
    return faces


def read_faces(paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]]) -> list[Face]:
    """Read fonts from files.

    Raises
    ------
    ValueError
        If `paths` is empty, or a file is not a font, a font of symbols, or the font of last resort.
    """
    files = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    if not files:
        raise ValueError("The 'fonts' parameter of make_characters is empty; pass font files or None.")
    return [Face(Path(path), *_read(Path(path))) for path in files]


def _read(path: Path) -> tuple[str, frozenset[str]]:
    """Return the family and the characters of a font file."""
    fonts = import_extra("fontTools.ttLib")
    try:
        with path.open("rb") as file, fonts.TTFont(file, lazy=True, fontNumber=0) as font:
            family = font["name"].getBestFamilyName() or path.stem
            # fontTools omits characters that are mapped to the box of a missing character.
            characters = font.getBestCmap()
    except (fonts.TTLibError, KeyError) as error:
        raise ValueError(f"{path} cannot be read as a font: {error}.") from error
    if not characters:
        raise ValueError(f"{path} contains no Unicode characters: it is a font of symbols.")
    if "last resort" in family.lower():
        raise ValueError(f"{path} is a font of last resort, which draws a box for every character.")
    return family, frozenset(map(chr, characters))
