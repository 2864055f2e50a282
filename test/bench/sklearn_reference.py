"""scikit-learn's quantile regression on a problem that test/bench/training.ts wrote, one level at a time.

python sklearn_reference.py FOLDER ROWS COLUMNS L1 LEVEL... prints a JSON line a level: seconds, objective.
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
    start = time.perf_counter()
    fit = QuantileRegressor(quantile=level, alpha=float(l1), solver="highs").fit(x, y)
    seconds = time.perf_counter() - start
    d = y - fit.predict(x)
    objective = np.mean(np.maximum(level * d, (level - 1) * d)) + float(l1) * np.abs(fit.coef_).sum()
    print(json.dumps({"level": level, "seconds": seconds, "objective": float(objective)}), flush=True)
