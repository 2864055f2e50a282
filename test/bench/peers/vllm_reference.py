"""vLLM's side of the benchmark: reads one JSON command a line, answers with one JSON line.

{"load": folder}                        loads the Hugging Face folder in bfloat16 for pooling
{"run": "bfloat16", "set": file}        pools the last position of all sequences of a JSON file ({"ids": [...]}) in one
                                        call; gives seconds
{"hidden": file, "set": file, "count": n}   writes the first n pooled hidden states as float32
"""
import json
import os
import sys
import time

# vLLM logs to standard output: what it prints goes elsewhere, answers alone stay there.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

import torch
import vllm
from vllm.config import PoolerConfig

model = None


def pooled(ids):
    model.reset_prefix_cache()
    prompts = [{"prompt_token_ids": i} for i in ids]
    return model.encode(prompts, pooling_task="embed", use_tqdm=False)


for line in sys.stdin:
    command = json.loads(line)
    answer = {}
    if "load" in command:
        model = vllm.LLM(
            model=command["load"],
            runner="pooling",
            convert="embed",
            dtype="bfloat16",
            pooler_config=PoolerConfig(seq_pooling_type="LAST", use_activation=False),
            enable_prefix_caching=True,
            enforce_eager=os.environ.get("QRM_BENCH_VLLM_EAGER") == "1",
        )
        pooled([[1, 2, 3]] * 4)
        answer = {"told": f"{vllm.__version__}, {torch.get_num_threads()} threads ({sys.executable})"}
    else:
        ids = json.load(open(command["set"]))["ids"]
        start = time.perf_counter()
        found = pooled(ids[: command.get("count", len(ids))])
        answer = {"seconds": time.perf_counter() - start}
        if "hidden" in command:
            torch.stack([o.outputs.data.float() for o in found]).numpy().tofile(command["hidden"])
    print(json.dumps(answer), file=answers, flush=True)
