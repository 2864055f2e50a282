"""The backbone as a GGUF file: read into transformers' LlamaModel, and written with its tuned layers."""

import numpy as np
import torch
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
