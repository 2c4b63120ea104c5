"""Real faults under real readers: `./dev faults`, and a few of them in `tests/test_faults.py`."""
