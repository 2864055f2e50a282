"""What came out: held-out figures of every checkpoint, differences at equal steps and at equal KL, and Figure 3."""

import json
from pathlib import Path

import numpy as np

FIGURES = ("mean", "q05", "q10", "q15", "q20", "q25", "kl", "length", "entropy")
DRAWS = 2000


def table(rows: list[dict]) -> np.ndarray:
    """Row a prompt, column a figure; NaN where a response had no score."""
    return np.array([[row.get(name, np.nan) for name in FIGURES] for row in rows], dtype=float)


def interval(values: np.ndarray, draws: np.ndarray) -> list[float]:
    """Mean over prompts and seeds (rows are seeds), and 95 % by drawing prompts, the same for every seed."""
    means = [float(np.nanmean(values[:, draw])) for draw in draws]
    low, high = np.percentile(means, [2.5, 97.5])
    return [float(np.nanmean(values)), float(low), float(high)]


def at_kl(curves: dict[int, np.ndarray], wanted: float) -> np.ndarray | None:
    """Figures of each prompt where the mean KL of a run crosses `wanted`, between its checkpoints; None beyond."""
    steps = sorted(curves)
    kl = [float(np.nanmean(curves[s][:, FIGURES.index("kl")])) for s in steps]
    for a, b in zip(range(len(steps)), range(1, len(steps)), strict=False):
        low, high = sorted((kl[a], kl[b]))
        if low <= wanted <= high and low < high:
            share = (wanted - kl[a]) / (kl[b] - kl[a])
            return (1 - share) * curves[steps[a]] + share * curves[steps[b]]
    return None


def compare(results: dict, objectives: list[str], seeds: list[int]) -> dict:
    """`results[objective][seed][step]` are rows of held-out prompts, in the same order for all."""
    curves = {
        o: {s: {int(step): table(rows) for step, rows in results[o][s].items()} for s in seeds}
        for o in objectives
    }
    first = curves[objectives[0]][seeds[0]]
    prompts = next(iter(first.values())).shape[0]
    draws = np.random.default_rng(1).integers(0, prompts, (DRAWS, prompts))
    out = {"prompts": prompts, "seeds": seeds, "curves": {}, "equal_steps": {}, "equal_kl": {}}
    for o in objectives:
        out["curves"][o] = {
            step: {
                name: interval(np.stack([curves[o][s][step][:, n] for s in seeds]), draws)
                for n, name in enumerate(FIGURES)
            }
            for step in sorted(first)
        }
    base = objectives[0]
    for o in objectives[1:]:
        last = max(first)
        out["equal_steps"][o] = {"step": last} | {
            name: interval(
                np.stack([curves[o][s][last][:, n] - curves[base][s][last][:, n] for s in seeds]), draws
            )
            for n, name in enumerate(FIGURES)
        }
        # Three quarters of the KL that every run reaches.
        n = FIGURES.index("kl")
        reached = [max(float(np.nanmean(c[:, n])) for c in curves[x][s].values()) for x in (base, o) for s in seeds]
        wanted = 0.75 * min(reached)
        pairs = [(at_kl(curves[base][s], wanted), at_kl(curves[o][s], wanted)) for s in seeds]
        pairs = [(a, b) for a, b in pairs if a is not None and b is not None]
        if pairs and wanted > 0:
            out["equal_kl"][o] = {"nats": wanted, "runs": len(pairs)} | {
                name: interval(np.stack([b[:, n] - a[:, n] for a, b in pairs]), draws)
                for n, name in enumerate(FIGURES)
            }
    return out


def smooth(values: list[float], window: int) -> np.ndarray:
    kernel = np.ones(window) / window
    padded = np.pad(np.asarray(values, dtype=float), (window // 2, window - 1 - window // 2), mode="edge")
    return np.convolve(padded, kernel, "valid")


def figure(folder: Path, objectives: list[str], seeds: list[int], found: dict, out: Path) -> None:
    """Figure 3 of the paper from the logs: quantiles of the running policy's own rollouts, and held-out figures over KL."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "qrm"  # the same bytes for the same logs
    import matplotlib.pyplot as plt

    names = ("mean", "q05", "q10", "q15", "q20", "q25")
    colours = ("#0072b2", "#d55e00", "#009e73")
    fig, axes = plt.subplots(2, 4, figsize=(14, 6.4), layout="constrained")
    for axis, name in zip(axes.flat, names, strict=False):
        for colour, objective in zip(colours, objectives, strict=False):
            each = [by_step(folder / f"{slug(objective)}-{seed}" / "rollouts.jsonl", name) for seed in seeds]
            steps = sorted(set.intersection(*(set(e) for e in each)))
            if not steps:
                continue
            lines = np.array([smooth([e[s] for s in steps], min(9, len(steps))) for e in each])
            axis.plot(steps, lines.mean(0), color=colour, label=objective)
            if len(seeds) > 1:
                axis.fill_between(steps, lines.min(0), lines.max(0), color=colour, alpha=0.15, lw=0)
        axis.set_title(f"{name} of rollouts")
        axis.set_xlabel("step")
    for axis, name in zip(axes.flat[6:], ("mean", "q05"), strict=True):
        for colour, objective in zip(colours, objectives, strict=False):
            points = sorted(found["curves"][objective].items())
            x = [p["kl"][0] for _, p in points]
            y = [p[name][0] for _, p in points]
            error = [[p[name][0] - p[name][1] for _, p in points], [p[name][2] - p[name][0] for _, p in points]]
            axis.errorbar(x, y, error, color=colour, marker="o", ms=4, capsize=2, label=objective)
        axis.set_title(f"{name}, held out")
        axis.set_xlabel("KL in nats")
    axes.flat[0].legend(frameon=False, fontsize=8)
    fig.savefig(out, metadata={"Date": None})
    plt.close(fig)


def by_step(path: Path, name: str) -> dict[int, float]:
    sums: dict[int, list[float]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if name in row:
            sums.setdefault(row["step"], []).append(row[name])
    return {step: float(np.mean(values)) for step, values in sums.items()}


def slug(objective: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in objective).strip("-")


def report(found: dict, predicted: dict | None, settings: dict, objectives: list[str]) -> str:
    """Markdown that says what came out, also if nothing did."""

    def cell(e: list[float]) -> str:
        return f"{e[0]:+.4f} ({e[1]:+.4f}, {e[2]:+.4f})"

    lines = [
        f"{found['prompts']} held-out prompts, seeds {', '.join(map(str, found['seeds']))}, "
        f"{settings['steps']} steps of {settings['batch']} responses of at most {settings['completion_tokens']} tokens. "
        "Intervals of 95 % over prompts, runs paired by seed.",
        "",
    ]
    names = ("mean", "q05", "q25", "kl", "length", "entropy")
    for o in objectives[1:]:
        for title, key, where in (
            ("equal steps", "equal_steps", "step"),
            ("equal KL", "equal_kl", "nats"),
        ):
            entry = found[key].get(o)
            if entry is None:
                lines.append(f"- `{o}` less `{objectives[0]}` at {title}: the runs share no KL above 0.")
                continue
            place = f"{entry[where]:.3g}"
            parts = ", ".join(f"{n} {cell(entry[n])}" for n in names)
            lines.append(f"- `{o}` less `{objectives[0]}` at {title} ({where} {place}): {parts}.")
        best = found["equal_kl"].get(o) or found["equal_steps"][o]
        sure = best["q05"][1] > 0 or best["q05"][2] < 0
        lines.append(
            f"- The left tail {'differs: 0 is outside of the interval' if sure else 'shows no difference: 0 is inside of the interval'}."
        )
        if predicted:
            agree = predicted["low"] <= best["q05"][0] <= predicted["high"]
            overlap = predicted["low"] <= best["q05"][2] and best["q05"][1] <= predicted["high"]
            lines.append(
                f"- Part 1 (`qrm policy` on the SFT policy's samples, at {predicted['kl']:.3g} nats) predicted a difference of q05 of "
                f"{predicted['value']:+.4f} ({predicted['low']:+.4f}, {predicted['high']:+.4f}): "
                f"{'within it' if agree else 'the intervals overlap' if overlap else 'training did not do that'}."
            )
    return "\n".join(lines) + "\n"
