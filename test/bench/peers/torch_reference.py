"""PyTorch's side of the benchmark: reads one JSON command a line, answers with one JSON line.

{"load": folder}                      loads the Hugging Face folder in float32 and bfloat16
{"run": dtype, "set": file}           runs all sequences of a JSON file ({"ids": [...], "wanted": [...]}),
                                      longest first, in padded batches of 16; gives seconds
{"hidden": file, "set": file}         writes float32 hidden states at the wanted positions, in order
{"ceiling": size}                     gives operations a second of a square product in each type
"""
import json
import sys
import time

import torch
from transformers import AutoModel

torch.set_grad_enabled(False)
models = {}
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def batches(ids, size=16):
    order = sorted(range(len(ids)), key=lambda i: -len(ids[i]))
    for at in range(0, len(order), size):
        members = order[at : at + size]
        longest = len(ids[members[0]])
        x = torch.zeros((len(members), longest), dtype=torch.long)
        mask = torch.zeros_like(x)
        for row, i in enumerate(members):
            x[row, : len(ids[i])] = torch.tensor(ids[i])
            mask[row, : len(ids[i])] = 1
        # A mask of ones only is not passed: the faster causal kernel then applies.
        yield members, x, None if bool(mask.all()) else mask


for line in sys.stdin:
    command = json.loads(line)
    answer = {}
    if "load" in command:
        for name, dtype in DTYPES.items():
            models[name] = AutoModel.from_pretrained(command["load"], dtype=dtype).eval()
        answer = {"told": f"{torch.__version__}, {torch.get_num_threads()} threads ({sys.executable})"}
    elif "ceiling" in command:
        size = command["ceiling"]
        for name, dtype in DTYPES.items():
            a, b = torch.rand(size, size, dtype=dtype), torch.rand(size, size, dtype=dtype)
            a @ b
            start = time.perf_counter()
            for _ in range(5):
                a @ b
            answer[name] = 5 * 2 * size**3 / (time.perf_counter() - start)
    else:
        data = json.load(open(command["set"]))
        ids = data["ids"]
        model = models[command.get("run", "float32")]
        rows = {}
        start = time.perf_counter()
        with torch.inference_mode():
            for members, x, mask in batches(ids):
                hidden = model(x, attention_mask=mask).last_hidden_state
                for row, i in enumerate(members):
                    rows[i] = hidden[row, data["wanted"][i]].float()
        answer = {"seconds": time.perf_counter() - start}
        if "hidden" in command:
            out = torch.cat([rows[i] for i in range(len(ids))])
            out.numpy().tofile(command["hidden"])
    print(json.dumps(answer), flush=True)
