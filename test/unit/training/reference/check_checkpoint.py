"""Compares a checkpoint that `qrm train --checkpoint` wrote with QRM Lens, in PyTorch without transformers.

    qrm train --config examples/train.json --out my-qrm --checkpoint my-hf
    qrm score pairs.jsonl --model my-hf --precision float32 --no-store --out scores.jsonl
    python check_checkpoint.py my-hf cases.json

cases.json: [{"ids": [...], "gate": position, "expected": {"score", "quantiles": [K], "gate": [M]}}], which
train.test.ts writes where QRM_TRAIN_CASES names the file. Llama layout; torch 2.13, safetensors 0.8.
"""

import json
import pathlib
import sys

import torch
from safetensors.torch import load_file

folder = pathlib.Path(sys.argv[1])
config = json.loads((folder / "config.json").read_text())
w = {}
for file in folder.glob("*.safetensors"):
    w.update(load_file(file))
heads, kv, eps = config["num_attention_heads"], config["num_key_value_heads"], config["rms_norm_eps"]
dim = config.get("head_dim") or config["hidden_size"] // heads


def norm(x, name):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps) * w[name]


def rope(x):
    frequency = config["rope_theta"] ** (-torch.arange(0, dim, 2).float() / dim)
    angle = torch.outer(torch.arange(x.shape[1]).float(), frequency)
    cos, sin = (torch.cat([f(angle)] * 2, -1) for f in (torch.cos, torch.sin))
    a, b = x.chunk(2, -1)
    return x * cos + torch.cat([-b, a], -1) * sin


def hidden_states(ids):
    x = w["model.embed_tokens.weight"][ids]
    n = len(ids)
    for i in range(config["num_hidden_layers"]):
        p = f"model.layers.{i}."
        h = norm(x, p + "input_layernorm.weight")
        q, k, v = (
            (h @ w[f"{p}self_attn.{c}_proj.weight"].T).view(n, m, dim).transpose(0, 1)
            for c, m in (("q", heads), ("k", kv), ("v", kv))
        )
        k, v = (t.repeat_interleave(heads // kv, 0) for t in (rope(k), v))
        a = torch.nn.functional.scaled_dot_product_attention(rope(q), k, v, is_causal=True)
        x = x + a.transpose(0, 1).reshape(n, -1) @ w[p + "self_attn.o_proj.weight"].T
        h = norm(x, p + "post_attention_layernorm.weight")
        gate = torch.nn.functional.silu(h @ w[p + "mlp.gate_proj.weight"].T)
        x = x + (gate * (h @ w[p + "mlp.up_proj.weight"].T)) @ w[p + "mlp.down_proj.weight"].T
    return norm(x, "model.norm.weight")


def gating(x):
    numbers = sorted({int(k.split(".")[2]) for k in w if k.startswith("gating.layers.")})
    for i in numbers:
        p = f"gating.layers.{i}."
        if p + "running_mean" in w:
            x = torch.relu(x) - w[p + "running_mean"]
            x = x / torch.sqrt(w[p + "running_var"] + 1e-5) * w[p + "weight"] + w[p + "bias"]
        else:
            x = x @ w[p + "weight"].T
            x = x + w[p + "bias"] if p + "bias" in w else x
    return torch.softmax(x / config["gating_temperature"], -1) * w["gating.logit_scale"]


worst = 0.0
with torch.no_grad():
    for case in json.loads(pathlib.Path(sys.argv[2]).read_text()):
        h = hidden_states(torch.tensor(case["ids"]))
        m, k = config["num_objectives"], config["num_quantiles"]
        raw = (h[-1] @ w["regression_layer.weight"].T).view(m, k)
        t = w.get("reward_transform_matrix", torch.eye(m))
        adjusted = t.T @ raw
        g = gating(h[case["gate"]])
        mixture = g @ adjusted
        found = {"score": mixture.mean(), "quantiles": mixture, "gate": g}
        for name, value in case["expected"].items():
            expected = torch.tensor(value)
            difference = (found[name] - expected).abs().max() / expected.abs().max()
            worst = max(worst, difference.item())
print(f"largest relative difference {worst:.2e}")
sys.exit(worst > 1e-4)
