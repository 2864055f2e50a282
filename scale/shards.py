"""A shard: the scores of one unit as Parquet, with its key in the footer, by which a run that goes on knows it."""

import base64
import hashlib
import io
import json
import posixpath

import pyarrow as pa
import pyarrow.parquet as parquet

from files import opened, write_whole

# In the footer, and in the manifest (server/src/session/shards.ts reads both).
KEY = "qrm.unit"
TOLD = "qrm.told"


def schema_of(figures: list[str], attributes: list[str]) -> pa.Schema:
    text, whole, real = pa.string(), pa.int64(), pa.float64()
    fields = [("file", text), ("row", whole), ("kind", text), ("label", text), ("turn", whole)]
    fields += [("line", whole), ("column", whole), ("start", whole), ("end", whole), ("hash", text), ("error", text)]
    fields += [(name, real) for name in figures]
    fields += [("gate", pa.struct([(name, pa.float32()) for name in attributes])), ("quantiles", pa.list_(pa.float32()))]
    fields += [("tokens", whole), ("truncatedTokens", whole)]
    # The score as the engine gave it, to the last bit (server/src/store/record.ts).
    return pa.schema([*fields, ("score", pa.binary())])


def written(out: str, name: str, key: str, unit: dict, result: dict, model: dict) -> dict:
    """Writes a shard, its rows numbered as in the whole file. Returns what the manifest says of it."""
    for line in result["lines"]:
        line["file"] = unit["path"]
        line["row"] += unit["row"]
        if unit["kind"] == "lines":
            line["line"] += unit["line"]
            line["start"] += unit["start"]
            line["end"] += unit["start"]
        if "score" in line:
            line["score"] = base64.b64decode(line["score"])
    problems = result["problems"]
    for problem in problems:
        problem["line"] += unit.get("line", 0)
    told = {
        "responses": len(result["lines"]),
        "failed": sum(1 for line in result["lines"] if "error" in line),
        "rows": result["rows"],
        "records": result["records"],
        "bad": result["bad"],
        "problems": problems,
        "model": model,
    }
    schema = schema_of(model["figures"], model["attributes"]).with_metadata({KEY: key, TOLD: json.dumps(told)})
    data = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist(result["lines"], schema=schema), data, compression="zstd")
    write_whole(out, name, data.getvalue())
    return {"shard": name, "key": key, "sha256": hashlib.sha256(data.getvalue()).hexdigest(), **told}


def found(out: str, name: str, key: str) -> dict | None:
    """What is told of a shard that an earlier run wrote whole; None when it did not, or of something else."""
    system, at = opened(out)
    path = posixpath.join(at, name)
    if not system.get_file_info(path).is_file:
        return None
    try:
        with system.open_input_file(path) as file:
            data = file.read()
        told = parquet.ParquetFile(io.BytesIO(data)).schema_arrow.metadata or {}
    except (OSError, pa.ArrowException):
        return None
    if told.get(KEY.encode(), b"").decode() != key:
        return None
    return {"shard": name, "key": key, "sha256": hashlib.sha256(data).hexdigest(), **json.loads(told[TOLD.encode()])}
