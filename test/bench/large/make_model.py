"""Writes a checkpoint of an 8B Llama's layout (32 layers x 4,096, bfloat16, 16 GB) with random weights, shard by shard, for
measuring conversions: python make_model.py OUT TOKENIZER_FOLDER [LAYERS]. The tokenizer may be any smaller one."""
import json
import shutil
import struct
import sys
from pathlib import Path

import torch

H, F, HEADS, KV, D, V = 4096, 14336, 32, 8, 128, 128256
out, tokenizer = Path(sys.argv[1]), Path(sys.argv[2])
layers = int(sys.argv[3]) if len(sys.argv) > 3 else 32
out.mkdir(parents=True)
torch.manual_seed(12)


def layer(n):
    yield f"model.layers.{n}.input_layernorm.weight", (H,)
    for name, rows, columns in (
        ("self_attn.q_proj", HEADS * D, H),
        ("self_attn.k_proj", KV * D, H),
        ("self_attn.v_proj", KV * D, H),
        ("self_attn.o_proj", H, HEADS * D),
        ("mlp.gate_proj", F, H),
        ("mlp.up_proj", F, H),
        ("mlp.down_proj", H, F),
    ):
        yield f"model.layers.{n}.{name}.weight", (rows, columns)
    yield f"model.layers.{n}.post_attention_layernorm.weight", (H,)


parts = [[("model.embed_tokens.weight", (V, H))]]
for first in range(0, layers, 8):
    parts.append([t for n in range(first, min(first + 8, layers)) for t in layer(n)])
parts.append([("model.norm.weight", (H,)), ("score.weight", (1, H))])

# Numbers are drawn once and taken from odd places: drawing eight billion takes longer than what is to be measured.
POOL = torch.randn(1 << 26, dtype=torch.bfloat16) * 0.02


def drawn(count):
    pieces = []
    while count > 0:
        first = int(torch.randint(0, POOL.numel() // 2, ()))
        pieces.append(POOL[first : first + min(count, POOL.numel() // 2)])
        count -= pieces[-1].numel()
    return torch.cat(pieces)


weight_map, total = {}, 0
for i, tensors in enumerate(parts):
    file = f"model-{i + 1:05d}-of-{len(parts):05d}.safetensors"
    header, at = {}, 0
    for name, shape in tensors:
        size = 2 * torch.Size(shape).numel()
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [at, at + size]}
        weight_map[name], at = file, at + size
    total += at
    text = json.dumps(header).encode()
    with open(out / file, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for name, shape in tensors:
            if "norm" in name:
                values = 1 + 0.1 * torch.randn(shape)
            else:
                # As trained ones have it: the stream grows by a fraction in each layer.
                values = drawn(torch.Size(shape).numel())
            f.write(values.to(torch.bfloat16).view(torch.int16).numpy().tobytes())
    print(file, flush=True)

index = {"metadata": {"total_size": total}, "weight_map": weight_map}
(out / "model.safetensors.index.json").write_text(json.dumps(index))
ids = json.loads((tokenizer / "config.json").read_text())
config = {
    "architectures": ["LlamaForSequenceClassification"],
    "model_type": "llama",
    "hidden_size": H,
    "intermediate_size": F,
    "num_hidden_layers": layers,
    "num_attention_heads": HEADS,
    "num_key_value_heads": KV,
    "vocab_size": V,
    "max_position_embeddings": 8192,
    "rope_theta": 500000.0,
    "rms_norm_eps": 1e-5,
    "id2label": {"0": "LABEL_0"},
    "torch_dtype": "bfloat16",
    **{name: ids[name] for name in ("bos_token_id", "eos_token_id", "pad_token_id")},
}
(out / "config.json").write_text(json.dumps(config, indent=1))
for name in ("tokenizer.json", "tokenizer_config.json"):
    shutil.copy(tokenizer / name, out / name)
