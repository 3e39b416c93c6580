"""The living skills record: what each person can do, how surely, and on what evidence."""

import os

# Levels are inferred with thousands of small matrices. Spreading one over several threads costs more than it gives:
# on a machine that is busy anyway a person took forty times as long. This must be set before numpy is first loaded.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
