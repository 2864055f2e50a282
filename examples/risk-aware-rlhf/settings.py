"""What a run is: every number of it, and its size."""

from dataclasses import asdict, dataclass
from pathlib import Path

HERE = Path(__file__).parent
REPOSITORY = HERE.parent.parent


@dataclass(frozen=True)
class Settings:
    # The paper's (Dorka 2024, section 4.3), but for what is said to be scaled down.
    prompt_tokens: int = 348
    lora_r: int = 32
    lora_alpha: int = 64
    group: int = 2  # responses a prompt and step: RLOO with k = 2
    # Scaled down to two cores.
    completion_tokens: int = 48
    batch: int = 16  # responses a step
    steps: int = 200
    save_every: int = 25
    sft_steps: int = 150
    sft_batch: int = 8
    sft_learning_rate: float = 2e-4
    learning_rate: float = 1e-4
    # Of the KL penalty, in units of the reward's standard deviation over the SFT policy's responses.
    beta: float = 0.05
    seeds: tuple[int, ...] = (1, 2, 3)
    scan_prompts: int = 200
    scan_samples: int = 8
    held_out_prompts: int = 150
    # "scan": what part 1 finds; or a number.
    risk_lambda: str = "scan"
    objectives: tuple[str, ...] = ("mean", "utility")

    def as_dict(self) -> dict:
        return asdict(self)


SIZES = {
    "full": Settings(),
    # What two cores do in an hour or two.
    "evening": Settings(
        prompt_tokens=64,
        completion_tokens=24,
        batch=8,
        steps=60,
        save_every=20,
        sft_steps=40,
        sft_batch=4,
        learning_rate=3e-4,
        scan_prompts=60,
        held_out_prompts=60,
    ),
    # Two minutes: that the path is alive.
    "small": Settings(
        prompt_tokens=64,
        completion_tokens=8,
        batch=4,
        steps=2,
        save_every=1,
        sft_steps=1,
        sft_batch=2,
        seeds=(1,),
        scan_prompts=3,
        scan_samples=4,
        held_out_prompts=4,
    ),
}
