"""What a test needs of the installed release of scikit-learn."""

import pytest
import sklearn

SKLEARN = tuple(int(part) for part in sklearn.__version__.split(".")[:2])

needs_temperature = pytest.mark.skipif(
    SKLEARN < (1, 8), reason="scikit-learn has temperature scaling since release 1.8"
)
