"""A data set as units of work: ranges of lines, row groups, or whole files. A unit becomes one shard of scores."""

import functools
import hashlib
import io
import json

import pyarrow.parquet as parquet

from files import opened, read_range

LINES = (".jsonl", ".ndjson")
# A unit's bytes travel in one message of at most 256 MiB (server/src/http/stdio.ts).
LARGEST = 1 << 28


def units_of(path: str, whole: bool, unit_bytes: int) -> list[dict]:
    """
    In the file's order: {path, kind: lines | groups | whole, start, length | first, last}, of about `unit_bytes` each.
    whole: the format needs what stands before (a session log).
    """
    system, at = opened(path)
    size = system.get_file_info(at).size
    lower = path.lower()
    if lower.endswith(".parquet"):
        return groups_of(path, unit_bytes)
    if whole or not lower.endswith(LINES):
        if size > LARGEST:
            raise ValueError(f"{path}: {size} bytes, expected at most {LARGEST}: split it, or make it JSON Lines or Parquet")
        return [{"path": path, "kind": "whole", "start": 0, "length": size}]
    units = []
    with system.open_input_file(at) as file:
        start = 0
        while start < size:
            end = min(start + unit_bytes, size)
            while end < size:
                # To the end of the line that is cut.
                file.seek(end)
                piece = file.read(1 << 16)
                found = piece.find(b"\n")
                if found >= 0:
                    end += found + 1
                    break
                end += len(piece)
            if end - start > LARGEST:
                raise ValueError(f"{path}: a line of more than {LARGEST} bytes from byte {start} on")
            units.append({"path": path, "kind": "lines", "start": start, "length": end - start})
            start = end
    return units or [{"path": path, "kind": "whole", "start": 0, "length": 0}]


def groups_of(path: str, unit_bytes: int) -> list[dict]:
    system, at = opened(path)
    with system.open_input_file(at) as file:
        footer = parquet.ParquetFile(file).metadata
        units: list[dict] = []
        rows = weight = first = begin = 0
        for n in range(footer.num_row_groups):
            rows += footer.row_group(n).num_rows
            weight += footer.row_group(n).total_byte_size
            if weight >= unit_bytes or n == footer.num_row_groups - 1:
                units.append({"path": path, "kind": "groups", "first": first, "last": n, "row": begin, "rows": rows - begin})
                first, begin, weight = n + 1, rows, 0
    return units or [{"path": path, "kind": "groups", "first": 0, "last": -1, "row": 0, "rows": 0}]


def bytes_of(unit: dict) -> bytes:
    if unit["kind"] != "groups":
        return read_range(unit["path"], unit["start"], unit["length"])
    system, at = opened(unit["path"])
    with system.open_input_file(at) as file:
        source = parquet.ParquetFile(file)
        table = source.read_row_groups(list(range(unit["first"], unit["last"] + 1)))
    out = io.BytesIO()
    parquet.write_table(table, out, row_group_size=10_000, compression="zstd")
    return out.getvalue()


@functools.lru_cache(maxsize=1)
def stamp(path: str) -> tuple[int, int]:
    """Size and time of a file: asked for once, however many units it has."""
    system, at = opened(path)
    info = system.get_file_info(at)
    return info.size, info.mtime_ns


def key_of(unit: dict, run: dict) -> str:
    """What a shard of scores is of: the unit and its file's size, model and settings. Another key: it is made again."""
    told = json.dumps([unit, *stamp(unit["path"]), run], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()[:32]


def counted(unit: dict) -> dict:
    """Records (lines that are not blank), and all line ends of a unit: where the next one's begin."""
    if unit["kind"] != "lines":
        return {"records": 0, "ends": 0}
    data = bytes_of(unit)
    lines = data.split(b"\n")
    return {"records": sum(1 for line in lines if line.strip()), "ends": len(lines) - 1}
