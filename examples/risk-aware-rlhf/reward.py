"""Rewards from `qrm serve`, and TRL's reward function on it that writes every rollout down."""

import json
import re
import subprocess
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

from settings import REPOSITORY

TAILS = ("q05", "q10", "q15", "q20", "q25")


class RewardServer:
    """`qrm serve` at a URL, or as a child of this process on a free port."""

    def __init__(self, url: str | None, model: str | None, threads: int | None = None):
        self.child = None
        self.url = url
        if url is not None:
            return
        cli = REPOSITORY / "dist" / "cli.js"
        if not cli.exists():
            raise SystemExit(f"{cli}: not there; run npm ci && npm run build, or give --reward-url")
        command = ["node", str(cli), "serve", "--port", "0"]
        command += ["--model", model] if model else []
        command += ["--threads", str(threads)] if threads else []
        self.child = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        said = []
        for line in self.child.stderr:
            said.append(line)
            found = re.search(r"https?://[^\s/]+:\d+", line)
            if found and "istening" in line:
                self.url = found.group(0)
                break
        if self.url is None:
            raise SystemExit("qrm serve did not start:\n" + "".join(said[-20:]))
        # A pipe that nobody reads fills up and stops the server.
        threading.Thread(target=lambda: [None for _ in self.child.stderr], daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.child is not None:
            self.child.terminate()
            self.child.wait()

    def score(self, conversations: list[list[dict]], reward: str) -> list[dict]:
        """The reward by name and the measures of each conversation's last turn, in order."""
        answers = []
        for at in range(0, len(conversations), 64):
            body = {
                "model": f":{reward}",
                "conversations": conversations[at : at + 64],
                "what": ["quantiles", "measures"],
            }
            answer = self.post("/v1/distributions", body)
            answers += [read(item, answer["levels"]) for item in answer["data"]]
        return answers

    def post(self, path: str, body: dict) -> dict:
        data = json.dumps(body).encode()
        for attempt in range(6):
            request = urllib.request.Request(
                self.url + path, data, {"Content-Type": "application/json"}
            )
            try:
                with urllib.request.urlopen(request, timeout=600) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as error:
                if error.code != 429 and error.code < 500:
                    raise RuntimeError(f"{path}: {error.code} {error.read().decode()[:400]}") from error
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                if attempt == 5:
                    raise
            time.sleep(2**attempt)
        raise RuntimeError(f"{path}: no answer")


def read(item: dict, levels: list[float]) -> dict | None:
    """None for a response that has no score: a blank one."""
    if "error" in item:
        return None
    quantiles = sorted(item["quantiles"])
    tails = {name: interpolated(quantiles, levels, int(name[1:]) / 100) for name in TAILS}
    return {"reward": item["reward"], "mean": item["expectation"], **tails, "quantiles": quantiles}


def interpolated(quantiles: list[float], levels: list[float], level: float) -> float:
    """As QRM Lens reads a quantile: linear between the levels, flat beyond."""
    if level <= levels[0]:
        return quantiles[0]
    for k in range(1, len(levels)):
        if level <= levels[k]:
            share = (level - levels[k - 1]) / (levels[k] - levels[k - 1])
            return quantiles[k - 1] + share * (quantiles[k] - quantiles[k - 1])
    return quantiles[-1]


class Rewarder:
    """A reward function for TRL: (reward by name - centre) / scale, each rollout a line of `log`."""

    def __init__(self, server: RewardServer, reward: str, log: Path, centre: float, scale: float):
        self.__name__ = "qrm"
        self.server, self.reward, self.log = server, reward, log
        self.centre, self.scale = centre, scale

    def __call__(self, prompts, completions, completion_ids, trainer_state, log_metric=None, **_):
        scored = self.server.score([p + c for p, c in zip(prompts, completions, strict=True)], self.reward)
        # An empty answer has no distribution: it gets the worst reward of the batch.
        worst = min((s["reward"] for s in scored if s), default=self.centre)
        rewards = [s["reward"] if s else worst for s in scored]
        with self.log.open("a", encoding="utf-8") as log:
            for prompt, completion, ids, score, reward in zip(
                prompts, completions, completion_ids, scored, rewards, strict=True
            ):
                row = {
                    "step": trainer_state.global_step + 1,
                    "prompt": prompt,
                    "completion": completion,
                    "reward": reward,
                    "completion_length": len(ids),
                    **{k: v for k, v in (score or {}).items() if k not in ("reward", "quantiles")},
                }
                log.write(json.dumps(row, ensure_ascii=False) + "\n")
        if log_metric is not None:
            for name in ("mean", *TAILS):
                known = [s[name] for s in scored if s]
                if known:
                    log_metric(f"qrm/{name}", sum(known) / len(known))
        return [(r - self.centre) / self.scale for r in rewards]
