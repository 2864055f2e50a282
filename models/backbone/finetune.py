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
import math
import os
import time

import numpy as np
import torch
import torch.nn.functional as F

from gguf_model import read_model, write_gguf
from rows import batches, read_data


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
