"""
`qrm score --ray`: the responses of a data set, scored on a Ray cluster (Ray Data; Ray schedules, retries and spills).
Reads its orders as JSON on standard input, writes shards and manifest.json to `out`, and a line of JSON to standard output
for each step. Not for people: `qrm score --help`.
"""

import json
import os
import sys

# Ray counts its uses and sends them; nothing of ours leaves the cluster.
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

import ray

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import files
import shards
import units


class Scorer:
    """An actor: a model in a child of its own, which ends with it."""

    def __init__(self, orders: dict):
        from child import Child

        self.orders = orders
        self.child = Child(orders["command"])

    def __call__(self, batch: dict) -> dict:
        told = []
        for text in batch["unit"]:
            unit = json.loads(text)
            settings = {k: self.orders[k] for k in ("format", "mapping") if self.orders.get(k) is not None}
            shard = {"name": unit["path"], "settings": self.orders["settings"], **settings}
            if unit["kind"] == "groups":
                shard["format"] = "parquet"
            result = self.child.score(shard, units.bytes_of(unit))
            if unit["kind"] == "lines" and result["records"] > unit["records"]:
                raise RuntimeError(
                    f"{unit['path']}: {result['records']} records from byte {unit['start']} on, expected {unit['records']}"
                )
            entry = shards.written(self.orders["out"], unit["shard"], unit["key"], unit, result, self.child.model)
            told.append(json.dumps(entry))
        return {"told": told}


def say(**message: object) -> None:
    print(json.dumps(message), flush=True)


def planned(orders: dict) -> list[dict]:
    """Units with the shard's name, its key, and the row and line at which it begins."""
    whole = set(orders["whole"])
    paths = [p for pattern in orders["input"] for p in files.listed(pattern)]
    todo = [u for p in dict.fromkeys(paths) for u in units.units_of(p, p in whole, orders["unitBytes"])]
    count = ray.remote(num_cpus=0.5, max_retries=5)(units.counted)
    say(step="plan", files=len(set(paths)), units=len(todo))
    # So many at once that the results of all are never waited for by as many tasks.
    counts = []
    for begin in range(0, len(todo), 1000):
        counts += ray.get([count.remote(u) for u in todo[begin : begin + 1000]])
    row = line = 0
    for n, unit in enumerate(todo):
        if n == 0 or todo[n - 1]["path"] != unit["path"]:
            row = line = 0
        if unit["kind"] == "lines":
            unit.update(row=row, line=line, records=counts[n]["records"])
        unit.setdefault("row", 0)
        row, line = row + counts[n]["records"], line + counts[n]["ends"]
        unit["key"] = units.key_of(unit, orders["run"])
        unit["shard"] = f"part-{n:06d}-{unit['key'][:8]}.parquet"
    return todo


def main() -> int:
    orders = json.load(sys.stdin)
    address = None if orders["ray"] == "local" else orders["ray"]
    runtime = {"env_vars": {"PYTHONPATH": HERE}}
    ray.init(address=address, logging_level="ERROR", log_to_driver=False, runtime_env=runtime)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    todo = planned(orders)
    done: dict[str, dict] = {}
    for unit in todo:
        told = shards.found(orders["out"], unit["shard"], unit["key"])
        if told is not None:
            done[unit["shard"]] = told
    rest = [u for u in todo if u["shard"] not in done]
    say(step="resume", units=len(todo), done=len(done))
    if rest:
        items = [{"unit": json.dumps(u)} for u in rest]
        blocks = min(len(items), 10_000)
        data = ray.data.from_items(items, override_num_blocks=blocks).map_batches(
            Scorer,
            batch_size=1,
            concurrency=orders["replicas"],
            num_gpus=orders["gpus"] or None,
            num_cpus=None if orders["gpus"] else orders["cpus"],
            fn_constructor_args=[orders],
        )
        rows = responses = 0
        for row in data.iter_rows():
            entry = json.loads(row["told"])
            done[entry["shard"]] = entry
            rows, responses = rows + entry["rows"], responses + entry["responses"]
            say(step="score", done=len(done), units=len(todo), rows=rows, responses=responses)
    entries: list[dict] = []
    models: dict[str, dict] = {}
    for unit in todo:
        model = done[unit["shard"]].pop("model")
        models[model["hash"]] = model
        if len(models) > 1:
            raise RuntimeError(
                f"{unit['shard']} is of another model than those before it ({', '.join(models)}): "
                "the nodes have different weights, or they changed; remove the shards of one of them"
            )
        place = {k: unit[k] for k in ("path", "kind", "row", "line", "start", "length", "first", "last") if k in unit}
        entries.append({**place, **done[unit["shard"]]})
    manifest = {"version": 1, "model": next(iter(models.values())), "settings": orders["settings"], "shards": entries}
    files.write_whole(orders["out"], "manifest.json", json.dumps(manifest, indent=1).encode())
    say(
        step="end",
        shards=len(entries),
        responses=sum(e["responses"] for e in entries),
        failed=sum(e["failed"] for e in entries),
        bad=sum(e["bad"] for e in entries),
        problems=[{"file": e["path"], **p} for e in entries for p in e["problems"]][:100],
    )
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (OSError, ValueError, RuntimeError, ray.exceptions.RayError) as error:
        # The last line of Ray's errors is the cause's own.
        say(step="error", message=str(error).strip().splitlines()[-1])
        sys.exit(1)
