"""scikit-learn's quantile regression on a problem that training.ts wrote, one level at a time.

python sklearn_reference.py FOLDER ROWS COLUMNS L1 LEVEL... prints a JSON line a level: seconds of the clock and of the processor, objective.
"""

import json
import sys
import time

import numpy as np
from sklearn.linear_model import QuantileRegressor

folder, rows, columns, l1, *levels = sys.argv[1:]
x = np.fromfile(f"{folder}/x.bin", np.float64).reshape(int(rows), int(columns))
y = np.fromfile(f"{folder}/y.bin", np.float64)
for level in map(float, levels):
    start, used = time.perf_counter(), time.process_time()
    fit = QuantileRegressor(quantile=level, alpha=float(l1), solver="highs").fit(x, y)
    spent = {"seconds": time.perf_counter() - start, "processor": time.process_time() - used}
    d = y - fit.predict(x)
    objective = np.mean(np.maximum(level * d, (level - 1) * d)) + float(l1) * np.abs(fit.coef_).sum()
    print(json.dumps({"level": level, **spent, "objective": float(objective)}), flush=True)
