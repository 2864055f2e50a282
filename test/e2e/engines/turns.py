"""A gated model whose positions all end a turn, as those of Llama 3 do (vLLM's STEP gives the states of one token's id alone).

    python turns.py OUT

Writes OUT/model (the published layout: tokenizer, backbone, heads and gate of test/fixtures/golden/llama3-qrm-k5-m3 at a width
that vLLM's attention takes, random weights of a fixed seed) and OUT/hf (its backbone alone, for vLLM).
"""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

LIKE = Path(__file__).resolve().parents[2] / "fixtures" / "golden" / "llama3-qrm-k5-m3"
HIDDEN, HEADS, KV_HEADS, HEAD = 128, 4, 2, 32


def widths(name: str, old: tuple[int, ...], config: dict) -> tuple[int, ...]:
    """The shape of a tensor at the new width: [64] of hidden states is [HIDDEN], rows of attention are heads."""
    if name.endswith(("q_proj.weight", "o_proj.weight")):
        return (HIDDEN, HIDDEN)
    if name.endswith(("k_proj.weight", "v_proj.weight")):
        return (KV_HEADS * HEAD, HIDDEN)
    if name.startswith("gating.") and not name.startswith("gating.layers.0."):
        return old
    return tuple(HIDDEN if n == config["hidden_size"] else n for n in old)


def drawn(name: str, old: np.ndarray, shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
    if name.endswith("num_batches_tracked") or name == "gating.logit_scale":
        return old
    normal = random.standard_normal(shape).astype(np.float32)
    if name.endswith("running_var"):
        return 0.5 + np.abs(normal)
    if name == "reward_transform_matrix":
        return np.eye(shape[0], dtype=np.float32) - 0.05 * np.tril(np.abs(normal), -1)
    if len(shape) == 1:
        return old.mean(dtype=np.float32) + 0.2 * normal
    return np.float32(1.6 * shape[-1] ** -0.5) * normal


def main(out: Path) -> None:
    if (out / "whole").exists():
        return
    shutil.rmtree(out, ignore_errors=True)
    config = json.loads((LIKE / "config.json").read_text(encoding="utf-8"))
    random = np.random.default_rng(15)
    tensors = {
        name: drawn(name, old, widths(name, old.shape, config), random)
        for name, old in sorted(load_file(LIKE / "model.safetensors").items())
    }
    told = {
        **config,
        **{"hidden_size": HIDDEN, "num_attention_heads": HEADS, "num_key_value_heads": KV_HEADS, "head_dim": HEAD},
    }
    own = {name: tensor for name, tensor in tensors.items() if name.startswith("model.")}
    own["lm_head.weight"] = tensors["model.embed_tokens.weight"]
    for folder, weights, architecture in (
        ("model", tensors, config["architectures"]),
        ("hf", own, ["LlamaForCausalLM"]),
    ):
        (out / folder).mkdir(parents=True)
        for file in ("tokenizer.json", "tokenizer_config.json"):
            shutil.copy(LIKE / file, out / folder / file)
        text = json.dumps({**told, "architectures": architecture}, indent=1)
        (out / folder / "config.json").write_text(text, encoding="utf-8")
        save_file(weights, out / folder / "model.safetensors", metadata={"format": "pt"})
    (out / "whole").touch()


main(Path(sys.argv[1]))
