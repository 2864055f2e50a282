"""SFT on the chosen answers, then RLOO; both go on from their last checkpoint."""

import json
import os
from pathlib import Path

import torch
from datasets import Dataset
from peft import LoraConfig, PeftModel
from settings import Settings
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from transformers.trainer_utils import get_last_checkpoint
from trl import RLOOConfig, RLOOTrainer, SFTConfig, SFTTrainer

from reward import Rewarder, RewardServer


def lora(settings: Settings) -> LoraConfig:
    return LoraConfig(
        r=settings.lora_r,
        lora_alpha=settings.lora_alpha,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )


def load(folder: Path):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)


def resume(folder: Path) -> str | None:
    return get_last_checkpoint(str(folder)) if folder.exists() else None


def sft(base: Path, rows: list[dict], settings: Settings, work: Path, out: Path) -> None:
    """The merged model in `out`, which is there whole or not at all."""
    config = SFTConfig(
        output_dir=str(work),
        max_steps=settings.sft_steps,
        per_device_train_batch_size=settings.sft_batch,
        learning_rate=settings.sft_learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=max(settings.sft_steps // 20, 1),
        optim="adamw_torch",
        max_length=settings.prompt_tokens + 128,
        completion_only_loss=True,
        logging_steps=5,
        save_steps=max(settings.sft_steps // 4, 1),
        save_total_limit=1,
        report_to=[],
        seed=1,
        use_cpu=not torch.cuda.is_available(),
        bf16=False,
        gradient_checkpointing=False,
        dataloader_pin_memory=False,
    )
    tokenizer = AutoTokenizer.from_pretrained(base)
    data = Dataset.from_list([{"prompt": r["prompt"], "completion": r["completion"]} for r in rows])
    trainer = SFTTrainer(
        model=load(base),
        args=config,
        train_dataset=data,
        processing_class=tokenizer,
        peft_config=lora(settings),
    )
    trainer.train(resume_from_checkpoint=resume(work))
    merged = trainer.model.merge_and_unload()
    part = out.with_name(out.name + ".part")
    merged.save_pretrained(part)
    tokenizer.save_pretrained(part)
    (out.parent / "sft.json").write_text(json.dumps(trainer.state.log_history, indent=1))
    os.replace(part, out)


class StepLog(TrainerCallback):
    """A line for each step: KL, entropy, lengths, rewards, as the trainer has them."""

    def __init__(self, path: Path):
        self.path = path

    def on_log(self, _args, state, _control, logs=None, **_):
        if not logs or "kl" not in logs:
            return
        row = {"step": state.global_step, **{k: v for k, v in logs.items() if isinstance(v, int | float)}}
        with self.path.open("a", encoding="utf-8") as log:
            log.write(json.dumps(row) + "\n")


def cut_log(path: Path, step: int) -> None:
    """What was written after the checkpoint that a run goes on from is made again."""
    if not path.exists():
        return
    rows = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("{")]
    kept = []
    for line in rows:
        try:
            if json.loads(line)["step"] <= step:
                kept.append(line)
        except json.JSONDecodeError:
            continue  # torn by the end of the run
    path.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")


def rloo(
    base: Path,
    rows: list[dict],
    settings: Settings,
    server: RewardServer,
    run: dict,
    folder: Path,
) -> None:
    """
    One objective and seed. `run` has reward (its name), centre and scale (over the SFT policy's responses: with
    them the KL penalty weighs the same against every objective) and seed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    last = resume(folder)
    step = int(last.rsplit("-", 1)[1]) if last else 0
    for name in ("rollouts.jsonl", "steps.jsonl"):
        cut_log(folder / name, step)
    config = RLOOConfig(
        output_dir=str(folder),
        max_steps=settings.steps,
        per_device_train_batch_size=settings.batch,
        num_generations=settings.group,
        max_completion_length=settings.completion_tokens,
        temperature=1.0,
        learning_rate=settings.learning_rate,
        lr_scheduler_type="constant",
        optim="adamw_torch",
        beta=settings.beta,
        logging_steps=1,
        save_steps=settings.save_every,
        save_only_model=False,
        report_to=[],
        seed=run["seed"],
        data_seed=run["seed"],
        use_cpu=not torch.cuda.is_available(),
        bf16=False,
        gradient_checkpointing=False,
        dataloader_pin_memory=False,
    )
    rewarder = Rewarder(server, run["reward"], folder / "rollouts.jsonl", run["centre"], run["scale"])
    trainer = RLOOTrainer(
        model=load(base),
        reward_funcs=rewarder,
        args=config,
        train_dataset=Dataset.from_list([{"prompt": r["prompt"]} for r in rows]),
        processing_class=AutoTokenizer.from_pretrained(base),
        peft_config=lora(settings),
        callbacks=[StepLog(folder / "steps.jsonl")],
    )
    trainer.train(resume_from_checkpoint=last)


def checkpoints(folder: Path) -> dict[int, Path]:
    found = {int(p.name.split("-")[1]): p for p in folder.glob("checkpoint-*")}
    return dict(sorted(found.items()))


def adapted(base: Path, adapter: Path | None):
    model = load(base)
    return model if adapter is None else PeftModel.from_pretrained(model, adapter)
