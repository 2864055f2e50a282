"""Fine-tunes the last layers of the default backbone for judging (a tool of the build, not of the product).

The paper's backbone is a Bradley-Terry reward model (Dorka 2024, section 4.1). Here the score that the
Bradley-Terry loss sees is the gated one: attributes are linear in the feature of the response's last token,
their weights a softmax of the prompt's last token, so that the features suit the heads and the gate that
`qrm train` fits on them afterwards. Rated responses and the two sides of each pair train the attributes.

    python finetune.py --gguf SmolLM2-135M-Instruct.Q4_1.gguf --data data.jsonl --out tuned.gguf

The first layers stay as they are: their outputs are computed once and kept. A run that was killed goes on
from its last checkpoint (beside --out).
"""

import argparse
import json
import math
import os
import time

import numpy as np
import torch
import torch.nn.functional as F
from gguf import GGMLQuantizationType, GGUFReader, GGUFWriter
from gguf.quants import dequantize, quantize
from transformers import LlamaConfig, LlamaModel

NAMES = {
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
HEADS = {"attn_q": 9, "attn_k": 3}


def split_halves(w, heads):
    """llama.cpp's interleaved rotary rows as Hugging Face's two halves. w: [heads * d, hidden]"""
    n, width = w.shape
    return w.reshape(heads, n // heads // 2, 2, width).swapaxes(1, 2).reshape(n, width)


def interleave(w, heads):
    """The inverse of split_halves."""
    n, width = w.shape
    return w.reshape(heads, 2, n // heads // 2, width).swapaxes(1, 2).reshape(n, width)


def read_model(path, layers):
    """A LlamaModel of the first `layers` layers, float32."""
    state = {}
    for t in GGUFReader(path).tensors:
        w = dequantize(t.data, t.tensor_type).astype(np.float32)
        if t.name == "token_embd.weight":
            name = "embed_tokens.weight"
        elif t.name == "output_norm.weight":
            name = "norm.weight"
        else:
            _, i, part, _ = t.name.split(".")
            if int(i) >= layers:
                continue
            if part in HEADS:
                w = split_halves(w, HEADS[part])
            name = f"layers.{i}.{NAMES[part]}.weight"
        state[name] = torch.from_numpy(np.ascontiguousarray(w))
    config = LlamaConfig(
        hidden_size=576, intermediate_size=1536, num_hidden_layers=layers, num_attention_heads=9,
        num_key_value_heads=3, head_dim=64, vocab_size=49152, rms_norm_eps=1e-5, rope_theta=100000.0,
        max_position_embeddings=8192, tie_word_embeddings=True, attn_implementation="sdpa",
    )  # fmt: skip
    model = LlamaModel(config)
    model.load_state_dict(state)
    return model


def write_gguf(model, source, out, frozen):
    """Untouched tensors keep their blocks; tuned matrices become Q8_0, norms float32."""
    reader = GGUFReader(source)
    layers = len(model.layers)
    writer = GGUFWriter(out, "llama")
    for name, field in reader.fields.items():
        if name.startswith("GGUF.") or name in ("general.architecture", "llama.block_count"):
            continue
        value, kind = field.contents(), field.types
        sub = kind[1] if len(kind) > 1 else None
        writer.add_key_value(name, value, kind[0], sub)
    writer.add_block_count(layers)
    state = model.state_dict()
    for t in reader.tensors:
        part = t.name.split(".")
        if part[0] == "blk" and int(part[1]) >= layers:
            continue
        tuned = t.name == "output_norm.weight" or (part[0] == "blk" and int(part[1]) >= frozen)
        if not tuned:
            writer.add_tensor(t.name, t.data, raw_dtype=t.tensor_type)
            continue
        name = "norm.weight" if part[0] != "blk" else f"layers.{part[1]}.{NAMES[part[2]]}.weight"
        w = state[name].float().numpy()
        if w.ndim == 1:
            writer.add_tensor(t.name, w.astype(np.float32))
            continue
        if part[2] in HEADS:
            w = interleave(w, HEADS[part[2]])
        kind = GGMLQuantizationType.Q8_0
        writer.add_tensor(t.name, quantize(np.ascontiguousarray(w), kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def read_data(path):
    """Sequences (each once), pairs and labels by index of their sequence."""
    index, sequences, pairs, labels = {}, [], [], []

    def add(r):
        key = (tuple(r["ids"]), r["reward"], r["gate"])
        if key not in index:
            index[key] = len(sequences)
            sequences.append(r)
        return index[key]

    for line in open(path):
        row = json.loads(line)
        if "chosen" in row:
            pairs.append((add(row["chosen"]), add(row["rejected"]), row["source"], row["attributes"]))
        else:
            labels.append((add(row["response"]), row["attribute"], row["label"]))
    return sequences, pairs, labels


def run_layers(model, hidden, first, last):
    """hidden: [batch, tokens, 576]; padded on the right, so that the causal mask alone is right."""
    position = torch.arange(hidden.shape[1])[None]
    rotary = model.rotary_emb(hidden, position)
    for layer in model.layers[first:last]:
        out = layer(hidden, attention_mask=None, position_ids=position, position_embeddings=rotary)
        hidden = out[0] if isinstance(out, tuple) else out
    return hidden


def lower_outputs(model, sequences, frozen, budget):
    """Outputs of the frozen layers, bfloat16, one [tokens, 576] a sequence."""
    out = [None] * len(sequences)
    order = sorted(range(len(sequences)), key=lambda i: len(sequences[i]["ids"]))
    start = time.time()
    at = 0
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        while at < len(order):
            count = max(1, budget // len(sequences[order[at]]["ids"]))
            batch = order[at : at + count]
            longest = max(len(sequences[i]["ids"]) for i in batch)
            ids = torch.zeros(len(batch), longest, dtype=torch.long)
            for row, i in enumerate(batch):
                ids[row, : len(sequences[i]["ids"])] = torch.tensor(sequences[i]["ids"])
            hidden = run_layers(model, model.embed_tokens(ids), 0, frozen)
            for row, i in enumerate(batch):
                out[i] = hidden[row, : len(sequences[i]["ids"])].to(torch.bfloat16).clone()
            at += count
            if at % 64 < count:
                print(f"frozen layers: {at}/{len(order)} {time.time() - start:.0f} s", flush=True)
    return out


class Judge(torch.nn.Module):
    """Attributes and gate over the upper layers."""

    def __init__(self, model, frozen, attributes, temperature):
        super().__init__()
        self.model, self.frozen, self.temperature = model, frozen, temperature
        width = model.config.hidden_size
        self.attributes = torch.nn.Linear(width, attributes)
        self.gate = torch.nn.Linear(width, attributes)
        for part in (self.attributes, self.gate):
            torch.nn.init.zeros_(part.weight)
            torch.nn.init.zeros_(part.bias)

    def forward(self, lower, reward, gate):
        """lower: [batch, tokens, 576] -> attributes [batch, M], logits of the gate [batch, M]"""
        hidden = run_layers(self.model, lower, self.frozen, len(self.model.layers))
        rows = torch.arange(hidden.shape[0])
        picked = torch.stack([hidden[rows, reward], hidden[rows, gate]]).float()
        features = self.model.norm(picked)
        return self.attributes(features[0]), self.gate(features[1]) / self.temperature


def batches(sequences, pairs, labels, budget, rng):
    """Batches of about `budget` tokens: pairs whole, sequences of like length together."""
    units = [("pair", p) for p in pairs]
    paired = {i for p in pairs for i in p[:2]}
    single = {}
    for label in labels:
        if label[0] not in paired:
            single.setdefault(label[0], []).append(label)
    units += [("single", s) for s in single.items()]
    length = lambda u: (
        max(len(sequences[i]["ids"]) for i in u[1][:2]) if u[0] == "pair" else len(sequences[u[1][0]]["ids"])
    )
    units = [units[i] for i in rng.permutation(len(units))]
    units.sort(key=lambda u: length(u) + rng.uniform(0, 12))
    out, at = [], 0
    while at < len(units):
        taken, size = [], 0
        while at < len(units):
            cost = length(units[at]) * (2 if units[at][0] == "pair" else 1)
            if taken and size + cost > budget:
                break
            taken.append(units[at])
            size += cost
            at += 1
        out.append(taken)
    return [out[i] for i in rng.permutation(len(out))]


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--gguf", required=True)
    p.add_argument("--data", required=True)
    p.add_argument("--out", required=True)
    p.add_argument("--layers", type=int, default=16)
    p.add_argument("--frozen", type=int, default=8)
    p.add_argument("--epochs", type=int, default=2)
    p.add_argument("--rate", type=float, default=5e-5)
    p.add_argument("--budget", type=int, default=4096)
    p.add_argument("--routing", type=float, default=0.3)
    p.add_argument("--temperature", type=float, default=0.5)
    p.add_argument("--seed", type=int, default=20241)
    p.add_argument("--cache")
    o = p.parse_args()
    torch.manual_seed(o.seed)
    sequences, pairs, labels = read_data(o.data)
    names = sorted({a for _, a, _ in labels})
    number = {a: i for i, a in enumerate(names)}
    by_sequence = {}
    for i, a, y in labels:
        by_sequence.setdefault(i, []).append((number[a], y))
    print(f"{len(sequences)} sequences, {len(pairs)} pairs, {len(labels)} labels of {len(names)} attributes")
    model = read_model(o.gguf, o.layers)
    cache = o.cache or o.out + ".lower.pt"
    if os.path.exists(cache):
        lower = torch.load(cache)
    else:
        lower = lower_outputs(model, sequences, o.frozen, 8192)
        torch.save(lower, cache)
    for name, w in model.named_parameters():
        part = name.split(".")
        w.requires_grad_(part[0] == "norm" or (part[0] == "layers" and int(part[1]) >= o.frozen))
    judge = Judge(model, o.frozen, len(names), o.temperature)
    heads = [*judge.attributes.parameters(), *judge.gate.parameters()]
    body = [w for w in model.parameters() if w.requires_grad]
    optimizer = torch.optim.AdamW(
        [{"params": body, "lr": o.rate}, {"params": heads, "lr": 1e-3}], weight_decay=0.01, betas=(0.9, 0.98)
    )
    plan = []
    for epoch in range(o.epochs):
        rng = np.random.default_rng(o.seed + epoch)
        plan += batches(sequences, pairs, labels, o.budget, rng)
    factor = lambda step: min(1.0, (step + 1) / 40) * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * step / len(plan))))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
    done, state_file = 0, o.out + ".state.pt"
    if os.path.exists(state_file):
        state = torch.load(state_file)
        judge.load_state_dict(state["judge"])
        optimizer.load_state_dict(state["optimizer"])
        schedule.load_state_dict(state["schedule"])
        done = state["done"]
        print(f"goes on at {done}/{len(plan)}")
    start, seen, sums, unseen = time.time(), 0, {}, {}
    for step in range(done, len(plan)):
        units = plan[step]
        members = list(dict.fromkeys(i for kind, u in units for i in (u[:2] if kind == "pair" else u[:1])))
        row = {i: r for r, i in enumerate(members)}
        longest = max(lower[i].shape[0] for i in members)
        x = torch.zeros(len(members), longest, model.config.hidden_size, dtype=torch.bfloat16)
        for i, r in row.items():
            x[r, : lower[i].shape[0]] = lower[i]
        reward = torch.tensor([sequences[i]["reward"] for i in members])
        gate = torch.tensor([sequences[i]["gate"] for i in members])
        with torch.autocast("cpu", torch.bfloat16):
            hidden_attributes, logits = judge(x.float(), reward, gate)
        hidden_attributes, logits = hidden_attributes.float(), logits.float()
        score = (logits.softmax(1) * hidden_attributes).sum(1)
        two = [u for kind, u in units if kind == "pair"]
        loss = torch.zeros(())
        if two:
            chosen = torch.tensor([row[u[0]] for u in two])
            rejected = torch.tensor([row[u[1]] for u in two])
            margin = score[chosen] - score[rejected]
            ranking = F.softplus(-margin).mean()
            own = [[number[a] for a in u[3] if a in number] for u in two]
            mine = torch.tensor([[1.0 if m in o_ else 0.0 for m in range(len(names))] for o_ in own])
            direct = (
                (F.softplus(-(hidden_attributes[chosen] - hidden_attributes[rejected])) * mine).sum(1)
                / mine.sum(1).clamp(min=1)
            ).mean()
            routing = -((logits.log_softmax(1)[chosen] * mine).sum(1) / mine.sum(1).clamp(min=1)).mean()
            share = len(two) * 2 / len(members)
            loss = loss + share * (ranking + 0.5 * direct + o.routing * routing)
            right = (margin > 0).float().mean().item()
            # Of pairs that were not seen before, in the second half of the first epoch.
            if len(plan) // o.epochs // 2 <= step < len(plan) // o.epochs:
                for u, m in zip(two, margin.tolist()):
                    seen_source, good = unseen.get(u[2], (0, 0))
                    unseen[u[2]] = (seen_source + 1, good + (m > 0))
            for key, value in (("ranking", ranking.item()), ("routing", routing.item()), ("right", right)):
                sums[key] = sums.get(key, value) * 0.98 + 0.02 * value
        rated = [(row[i], m, y) for i in members for m, y in by_sequence.get(i, [])]
        if rated:
            r, m, y = (torch.tensor(v) for v in zip(*rated))
            fit = F.binary_cross_entropy_with_logits(hidden_attributes[r, m], y.float())
            loss = loss + fit
            sums["fit"] = sums.get("fit", fit.item()) * 0.98 + 0.02 * fit.item()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(body, 1.0)
        optimizer.step()
        schedule.step()
        seen += sum(lower[i].shape[0] for i in members)
        if step % 20 == 19 or step + 1 == len(plan):
            rate = seen / (time.time() - start)
            left = (len(plan) - step - 1) * (time.time() - start) / (step + 1 - done)
            figures = " ".join(f"{k} {v:.3f}" for k, v in sums.items())
            print(f"{step + 1}/{len(plan)} {figures} {rate:.0f} tokens/s, {left / 60:.0f} min left", flush=True)
        if step % 100 == 99 or step + 1 == len(plan):
            state = dict(judge=judge.state_dict(), optimizer=optimizer.state_dict(), schedule=schedule.state_dict(), done=step + 1)
            torch.save(state, state_file + ".part")
            os.replace(state_file + ".part", state_file)
    for source, (count, good) in sorted(unseen.items()):
        print(f"unseen pairs of {source}: {good / count:.3f} of {count}")
    write_gguf(model, o.gguf, o.out + ".part", o.frozen)
    os.replace(o.out + ".part", o.out)


if __name__ == "__main__":
    main()
