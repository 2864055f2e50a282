"""An 8B Llama's layout (32 layers x 4,096) as GGUF files with random weights, for measuring four bits beside llama.cpp:

    python make_gguf.py OUT SMALL.gguf [LAYERS]

writes OUT/Q4_0.gguf and OUT/Q8_0.gguf: every matrix in that form, the tokenizer (and so the embedding's rows) of SMALL.gguf.
"""

import sys
from pathlib import Path

import gguf
import numpy as np

H, F, HEADS, KV, D = 4096, 14336, 32, 8, 128
out, small = Path(sys.argv[1]), gguf.GGUFReader(sys.argv[2])
LAYERS = int(sys.argv[3]) if len(sys.argv) > 3 else 32
# Bytes of a block of 32: its scale in float16, then the codes.
FORMS = {"Q4_0": (gguf.GGMLQuantizationType.Q4_0, 18, 8.0), "Q8_0": (gguf.GGMLQuantizationType.Q8_0, 34, 127.0)}
MATRICES = {
    "attn_q": (HEADS * D, H),
    "attn_k": (KV * D, H),
    "attn_v": (KV * D, H),
    "attn_output": (H, HEADS * D),
    "ffn_gate": (F, H),
    "ffn_up": (F, H),
    "ffn_down": (H, F),
}
POOL = 1 << 16
random = np.random.default_rng(19)


def blocks_of(size, largest):
    """Random blocks, drawn once: seven billion numbers would take longer than what is to be measured."""
    blocks = random.integers(0, 256, (POOL, size), dtype=np.uint8)
    # Uniform codes up to `largest`, for weights with the deviation that matrices of this width begin with.
    blocks[:, :2] = np.full((POOL, 1), 3**0.5 * H**-0.5 / largest, np.float16).view(np.uint8)
    return blocks


def matrix(blocks, rows, columns):
    count = rows * columns // 32
    taken = np.resize(np.roll(blocks, int(random.integers(POOL)), 0), (count, blocks.shape[1]))
    return taken.reshape(rows, -1)


def write(form):
    kind, size, largest = FORMS[form]
    blocks, vocabulary = blocks_of(size, largest), len(small.fields["tokenizer.ggml.tokens"].contents())
    draft = out / f"{form}.draft"
    writer = gguf.GGUFWriter(draft, "llama", use_temp_file=False)
    writer.add_block_count(LAYERS)
    writer.add_context_length(8192)
    writer.add_embedding_length(H)
    writer.add_feed_forward_length(F)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV)
    writer.add_rope_freq_base(500000.0)
    writer.add_rope_dimension_count(D)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(vocabulary)
    for name, field in small.fields.items():
        if name.startswith("tokenizer."):
            kind_of = field.types[0]
            writer.add_key_value(name, field.contents(), kind_of, field.types[-1] if len(field.types) > 1 else None)
    ones = np.ones(H, np.float32)
    tensors = [("token_embd.weight", lambda: matrix(blocks, vocabulary, H), True), ("output_norm.weight", lambda: ones, False)]
    for n in range(LAYERS):
        for norm in ("attn_norm", "ffn_norm"):
            tensors.append((f"blk.{n}.{norm}.weight", lambda: ones, False))
        for name, (rows, columns) in MATRICES.items():
            tensors.append((f"blk.{n}.{name}.weight", lambda r=rows, c=columns: matrix(blocks, r, c), True))
    for name, make, blocked in tensors:
        data = make()
        writer.add_tensor_info(name, data.shape, data.dtype, data.nbytes, raw_dtype=kind if blocked else None)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for _, make, _ in tensors:
        writer.write_tensor_data(make())
    writer.close()
    draft.rename(out / f"{form}.gguf")


out.mkdir(parents=True, exist_ok=True)
for form in FORMS:
    if not (out / f"{form}.gguf").exists():
        write(form)
