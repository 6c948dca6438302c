"""The measurements of benchmarks/speed.py, most of them in separate processes."""
