"""The embedded model's backbone (models/default) for the engines of others.

    python backbone.py OUT

Writes OUT/hf (float32, for vLLM and SGLang), OUT/float32.gguf and OUT/blocks.gguf (for llama.cpp: the same numbers, and the bundle's
own blocks of 4 and 8 bits). OUT/whole names the bundle of which all that was made.
"""

import json
import shutil
import sys
from pathlib import Path

import gguf
import numpy as np
from gguf.quants import dequantize
from safetensors import safe_open
from safetensors.numpy import save_file

MODEL = Path(__file__).resolve().parents[3] / "models" / "default"


class Backbone:
    def __init__(self):
        bundle = json.loads((MODEL / "bundle.json").read_text(encoding="utf-8"))
        self.config = bundle["config"]
        self.tensors = {}
        for file in sorted(MODEL.glob("weights-*.safetensors")):
            with safe_open(file, "numpy") as source:
                kinds = source.metadata() or {}
                for name in source.keys():
                    # Matrices are bytes of blocks, row by row, and their kind stands in the metadata.
                    kind = kinds[name].split(" ")[0] if name in kinds else "F32"
                    self.tensors[name] = (source.get_tensor(name), gguf.GGMLQuantizationType[kind])

    def floats(self, name: str) -> np.ndarray:
        data, kind = self.tensors[name]
        return np.ascontiguousarray(dequantize(data, kind), dtype=np.float32)

    def write_hf(self, out: Path) -> None:
        c = self.config
        out.mkdir()
        save_file({n: self.floats(n) for n in self.tensors}, out / "model.safetensors", metadata={"format": "pt"})
        told = {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "hidden_size": c["hiddenSize"],
            "intermediate_size": c["intermediateSize"],
            "num_hidden_layers": c["layers"],
            "num_attention_heads": c["heads"],
            "num_key_value_heads": c["kvHeads"],
            "head_dim": c["headDim"],
            "vocab_size": c["vocabSize"],
            "rms_norm_eps": c["rmsNormEps"],
            "rope_theta": float(c["rope"]["theta"]),
            "max_position_embeddings": c["maxPositions"],
            "tie_word_embeddings": True,
            "hidden_act": c["activation"],
            "torch_dtype": "float32",
        }
        (out / "config.json").write_text(json.dumps(told))
        for name in ("tokenizer.json", "tokenizer_config.json"):
            shutil.copy(MODEL / name, out)

    def write_gguf(self, out: Path, blocks: bool) -> None:
        c = self.config
        writer = gguf.GGUFWriter(out, "llama")
        writer.add_name(out.stem)
        writer.add_block_count(c["layers"])
        writer.add_context_length(c["maxPositions"])
        writer.add_embedding_length(c["hiddenSize"])
        writer.add_feed_forward_length(c["intermediateSize"])
        writer.add_head_count(c["heads"])
        writer.add_head_count_kv(c["kvHeads"])
        writer.add_layer_norm_rms_eps(c["rmsNormEps"])
        writer.add_rope_freq_base(float(c["rope"]["theta"]))
        writer.add_rope_dimension_count(c["headDim"])
        self.write_tokenizer(writer)
        names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, c["layers"])
        for name in self.tensors:
            data, kind = self.tensors[name] if blocks else (self.floats(name), gguf.GGMLQuantizationType.F32)
            # Rows of q and k stand interleaved in a GGUF, head by head.
            heads = c["heads"] if ".q_proj." in name else c["kvHeads"] if ".k_proj." in name else None
            if heads is not None:
                rows = data.shape[0]
                data = data.reshape(heads, 2, rows // heads // 2, -1).swapaxes(1, 2).reshape(rows, -1)
            stored = names.get_name(name, try_suffixes=(".weight",))
            writer.add_tensor(stored, np.ascontiguousarray(data), raw_dtype=kind)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()

    def write_tokenizer(self, writer: gguf.GGUFWriter) -> None:
        """llama.cpp starts with none without one, though tokens are sent as ids."""
        told = json.loads((MODEL / "tokenizer.json").read_text(encoding="utf-8"))
        vocabulary = told["model"]["vocab"]
        tokens = [""] * self.config["vocabSize"]
        types = [int(gguf.TokenType.UNUSED)] * len(tokens)
        for token, n in vocabulary.items():
            tokens[n], types[n] = token, int(gguf.TokenType.NORMAL)
        for added in told["added_tokens"]:
            tokens[added["id"]], types[added["id"]] = added["content"], int(gguf.TokenType.CONTROL)
        merges = [m if isinstance(m, str) else " ".join(m) for m in told["model"]["merges"]]
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre("smollm")
        writer.add_token_list(tokens)
        writer.add_token_types(types)
        writer.add_token_merges(merges)
        writer.add_bos_token_id(tokens.index("<|im_start|>"))
        writer.add_eos_token_id(tokens.index("<|im_end|>"))


def main() -> None:
    out = Path(sys.argv[1])
    whole = out / "whole"
    bundle = (MODEL / "bundle.json").read_text(encoding="utf-8")
    if whole.exists() and whole.read_text(encoding="utf-8") == bundle:
        return
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    backbone = Backbone()
    backbone.write_hf(out / "hf")
    backbone.write_gguf(out / "float32.gguf", blocks=False)
    backbone.write_gguf(out / "blocks.gguf", blocks=True)
    whole.write_text(bundle, encoding="utf-8")


if __name__ == "__main__":
    main()
