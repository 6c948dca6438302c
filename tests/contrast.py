"""The contrast of colours on a page."""

import numpy as np


def contrast(first, second):
    """Return the contrast ratio of two colours of red, green and blue from 0 to 255, as WCAG 2 defines it."""

    def luminance(colour):
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (part / 255 for part in colour)]
        return np.dot([0.2126, 0.7152, 0.0722], linear)

    high, low = sorted([luminance(first), luminance(second)], reverse=True)
    return (high + 0.05) / (low + 0.05)
