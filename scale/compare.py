"""Are the shards in a folder what `qrm score` wrote of the same files? `python compare.py SHARDS SCORES.jsonl`; exit 1 if not."""

import json
import os
import sys

import pyarrow as pa
import pyarrow.parquet as parquet


def difference(folder: str, scores: str) -> str | None:
    with open(os.path.join(folder, "manifest.json"), encoding="utf-8") as file:
        manifest = json.load(file)
    with open(scores, encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    rows = [
        row
        for entry in manifest["shards"]
        for row in parquet.read_table(os.path.join(folder, entry["shard"])).to_pylist()
    ]
    if len(rows) != len(lines):
        return f"{len(rows)} responses, expected {len(lines)}"
    for n, (row, line) in enumerate(zip(rows, lines, strict=True)):
        for key, expected in line.items():
            if key in ("run", "file"):
                continue
            found = row[key]
            if key in ("gate", "quantiles"):
                # JSON has float32 in full.
                kind = pa.struct([(k, pa.float32()) for k in expected]) if key == "gate" else pa.list_(pa.float32())
                expected = pa.scalar(expected, kind).as_py()
            if found != expected:
                return f"line {n + 1}, {key}: {found!r}, expected {expected!r}"
    return None


if __name__ == "__main__":
    told = difference(*sys.argv[1:3])
    print(told or "equal")
    sys.exit(told is not None)
