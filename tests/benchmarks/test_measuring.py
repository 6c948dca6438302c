"""The timer and the memory meters."""

import gc
import sys
import time

import numpy as np
import psutil
import pytest

from measuring import process_peak_bytes, seconds, step_growth_bytes, timed

N_BYTES = 100_000_000
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="anonymous memory is read from /proc")


def allocate():
    """Hold an array for long enough that the reader sees it, release it, and go on for as long."""
    array = np.ones(N_BYTES, np.uint8)
    time.sleep(0.1)
    del array
    time.sleep(0.1)


def test_timer_returns_the_result_and_the_wall_time():
    result, elapsed = timed(lambda: time.sleep(0.05) or "result")
    assert result == "result"
    assert 0.05 <= elapsed < 5
    assert 0.05 <= seconds(lambda: time.sleep(0.05)) < 5


@pytest.mark.slow
def test_peak_of_the_process_stays_after_memory_is_released():
    resident = psutil.Process().memory_info().rss
    allocate()
    assert process_peak_bytes() > resident + 0.95 * N_BYTES


@needs_linux
def test_growth_is_measured_at_the_peak_of_the_step():
    gc.collect()  # garbage of earlier tests would be released during the step
    assert step_growth_bytes(allocate) == pytest.approx(N_BYTES, rel=0.05)
    # A later step starts from the released memory, not from the peak of the process.
    assert step_growth_bytes(allocate) == pytest.approx(N_BYTES, rel=0.05)
    assert step_growth_bytes(lambda: None) < 0.05 * N_BYTES


@needs_linux
@pytest.mark.slow
def test_growth_excludes_pages_of_files(tmp_path):
    path = tmp_path / "pixels"
    path.write_bytes(bytes(N_BYTES))
    pixels = np.memmap(path, np.uint8, mode="r")
    assert step_growth_bytes(lambda: (pixels.sum(), time.sleep(0.1))) < 0.05 * N_BYTES


@needs_linux
def test_exception_of_a_step_is_raised():
    with pytest.raises(ZeroDivisionError):
        step_growth_bytes(lambda: 1 / 0)
