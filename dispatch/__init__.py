"""Extramile: a living skills inventory, and a matcher that sends the best-qualified available person."""

import os

# Levels are inferred with thousands of small matrices. Spreading one over several threads costs more than it gives:
# on a machine that is busy anyway a person took forty times as long. This must be set before NumPy is first loaded.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
