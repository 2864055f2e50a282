"""PyTorch's side of the bench of GPUs: reads one JSON command a line, answers with one JSON line.

{"load": {"config": config.json}}     a backbone of random weights in bfloat16, attention by scaled_dot_product_attention
{"peak": size}                        gives operations a second of a square product in bfloat16
{"run": "bfloat16", "set": file}      runs all sequences of a JSON file ({"ids": [...], "wanted": [...]}), longest first,
                                      in padded batches of at most 16,384 tokens; gives seconds
{"memory": true}                      gives the bytes that were taken at most
"""
import json
import sys
import time

import torch
from transformers import AutoConfig, AutoModel

torch.set_grad_enabled(False)
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
TOKENS = 16384
model = None


def done():
    if DEVICE == "cuda":
        torch.cuda.synchronize()


def batches(ids):
    order = sorted(range(len(ids)), key=lambda i: -len(ids[i]))
    while order:
        longest = len(ids[order[0]])
        count = max(1, TOKENS // longest)
        members, order = order[:count], order[count:]
        x = torch.zeros((len(members), longest), dtype=torch.long)
        mask = torch.zeros_like(x)
        for row, i in enumerate(members):
            x[row, : len(ids[i])] = torch.tensor(ids[i])
            mask[row, : len(ids[i])] = 1
        # A mask of ones only is not passed: the faster causal kernel then applies.
        yield members, x.to(DEVICE), None if bool(mask.all()) else mask.to(DEVICE)


def peak(size):
    a, b = (torch.randn(size, size, dtype=torch.bfloat16, device=DEVICE) for _ in range(2))
    for _ in range(3):
        a @ b
    done()
    start = time.perf_counter()
    for _ in range(10):
        a @ b
    done()
    return 10 * 2 * size**3 / (time.perf_counter() - start)


for line in sys.stdin:
    command = json.loads(line)
    answer = {}
    if "load" in command:
        config = AutoConfig.for_model(**command["load"]["config"])
        torch.set_default_dtype(torch.bfloat16)
        with torch.device(DEVICE):
            model = AutoModel.from_config(config, attn_implementation="sdpa").eval()
        name = torch.cuda.get_device_name() if DEVICE == "cuda" else "CPU"
        import transformers

        answer = {"told": f"{torch.__version__}, transformers {transformers.__version__}, on {name}"}
    elif "peak" in command:
        # A processor is not what is measured here.
        answer = {"operations": peak(command["peak"] if DEVICE == "cuda" else 512)}
    elif "memory" in command:
        answer = {"bytes": torch.cuda.max_memory_allocated() if DEVICE == "cuda" else 0}
    else:
        data = json.load(open(command["set"]))
        rows = {}
        done()
        start = time.perf_counter()
        with torch.inference_mode():
            for members, x, mask in batches(data["ids"]):
                hidden = model(x, attention_mask=mask, use_cache=False).last_hidden_state
                for row, i in enumerate(members):
                    rows[i] = hidden[row, data["wanted"][i]].float()
            found = torch.cat([rows[i] for i in range(len(data["ids"]))]).cpu()
        answer = {"seconds": time.perf_counter() - start, "values": found.numel()}
    print(json.dumps(answer), flush=True)
