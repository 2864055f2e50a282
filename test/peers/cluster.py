"""
`qrm score --ray` on a local cluster of three nodes, of which one is killed at a random moment; then the head is killed too,
a new cluster begun and the same command run again. The result has to be one machine's, row for row.

    python cluster.py CLI MODEL DATA.jsonl WORK [--replicas N] [--no-kill]
"""

import argparse
import os
import random
import subprocess
import sys
import threading
import time

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scale"))

from ray.cluster_utils import Cluster

from compare import difference


def main() -> int:
    parser = argparse.ArgumentParser()
    for name in ("cli", "model", "data", "work"):
        parser.add_argument(name)
    parser.add_argument("--replicas", type=int, default=2)
    parser.add_argument("--no-kill", action="store_true")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    o = parser.parse_args()
    random.seed(o.seed)
    os.makedirs(o.work, exist_ok=True)
    engine = ["--model", o.model, "--device", "cpu", "--precision", "float32", "--threads", "1"]
    node = ["node", o.cli, "score", o.data]
    one = os.path.join(o.work, "one.jsonl")
    if not os.path.exists(one):
        began = time.time()
        with open(one + ".part", "w") as out:
            subprocess.run([*node, *engine, "--no-store", "--quiet"], stdout=out, stderr=subprocess.DEVNULL, check=True)
        os.replace(one + ".part", one)
        print(f"one machine, one process of one thread: {time.time() - began:.0f} s", flush=True)
    shards = os.path.join(o.work, "shards")

    def on(cluster: Cluster) -> subprocess.Popen:
        ray = ["--ray", cluster.address, "--replicas", str(o.replicas), "--cpus-per-replica", "1"]
        return subprocess.Popen(
            [*node, *engine, *ray, "--out", shards, "--shard-size", "0.5", "--python", sys.executable],
            stderr=subprocess.PIPE,
            text=True,
        )

    def cluster_of(nodes: int) -> tuple[Cluster, list]:
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
        # The head plans and counts; the others score.
        return cluster, [cluster.add_node(num_cpus=2) for _ in range(nodes - 1)]

    def followed(run: subprocess.Popen) -> str:
        words = []
        for line in run.stderr:
            words.append(line)
            print(f"  {line}", end="", flush=True)
        run.wait()
        return "".join(words)

    whole = lambda: len([f for f in os.listdir(shards) if f.endswith(".parquet")]) if os.path.isdir(shards) else 0
    began = time.time()
    cluster, workers = cluster_of(3)
    run = on(cluster)
    follower = threading.Thread(target=followed, args=(run,))
    follower.start()
    if not o.no_kill:
        wait = random.randint(1, 8)
        while whole() < wait and run.poll() is None:
            time.sleep(0.05)
        cluster.remove_node(workers[0], allow_graceful=False)
        print(f"a node is killed after {whole()} shards (seed {o.seed})", flush=True)
        wait = whole() + random.randint(3, 10)
        while whole() < wait and run.poll() is None:
            time.sleep(0.05)
        print(f"the head is killed after {whole()} shards", flush=True)
        cluster.remove_node(cluster.head_node, allow_graceful=False)
        run.kill()
        follower.join()
        cluster.shutdown()
        cluster, workers = cluster_of(3)
        run = on(cluster)
        follower = threading.Thread(target=followed, args=(run,))
        follower.start()
    follower.join()
    cluster.shutdown()
    print(f"cluster, {o.replicas} replicas: {time.time() - began:.0f} s", flush=True)
    told = f"qrm ended with {run.returncode}" if run.returncode else difference(shards, one)
    print(told or "equal, row for row", flush=True)
    return told is not None


if __name__ == "__main__":
    sys.exit(main())
