"""Training rows of the backbone: sequences of tokens, pairs and labels on them, and batches of them."""

import json


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
