"""Makes the reference numbers of test/unit/training: python make.py (torch 2.13, scipy 1.17, scikit-learn 1.9).

quantile-regression.json: optimum of L1 quantile regression as a linear program, solved by HiGHS.
monotone.json: optimum of the same with levels that must not cross, and without.
scikit-learn.json: optimum by QuantileRegressor(solver="highs").
torch.json: AdamW steps, BatchNorm1d and the gate's Bradley-Terry gradients, from torch in float64.
"""

import json

import numpy as np
import torch
from scipy.optimize import linprog

torch.set_default_dtype(torch.float64)


def quantile_regression():
    rng = np.random.default_rng(7)
    n, p, raters, l1 = 30, 5, 2, 0.02
    levels = [0.1, 0.5, 0.8]
    x = np.concatenate([np.ones((n, 1)), rng.normal(size=(n, p - 1))], 1).round(4)
    y = np.clip(np.round((0.5 + 0.2 * x[:, 1:2] + 0.3 * rng.normal(size=(n, raters))) * 4), 0, 4) / 4
    fits = []
    for tau in levels:
        # w = a - b, y - x w = up - down, all >= 0; every rater is a sample.
        xs, ys = np.repeat(x, raters, 0), y.reshape(-1)
        m = len(ys)
        penalty = np.full(p, l1)
        penalty[0] = 0
        cost = np.concatenate([penalty, penalty, np.full(m, tau / m), np.full(m, (1 - tau) / m)])
        a_eq = np.concatenate([xs, -xs, np.eye(m), -np.eye(m)], 1)
        fit = linprog(cost, A_eq=a_eq, b_eq=ys, method="highs")
        fits.append({"objective": fit.fun, "weights": (fit.x[:p] - fit.x[p : 2 * p]).tolist()})
    return {"levels": levels, "l1": l1, "x": x.tolist(), "labels": y.tolist(), "fits": fits}


def monotone_regression():
    """All levels in one linear program, with x_i w_k <= x_i w_k+1 on every row; few rows, so that they cross without."""
    rng = np.random.default_rng(5)
    n, p, l1 = 24, 6, 0.002
    levels = [0.1, 0.3, 0.5, 0.7, 0.9]
    x = np.concatenate([np.ones((n, 1)), rng.normal(size=(n, p - 1))], 1).round(4)
    y = np.round((0.5 + 0.2 * x[:, 1] + 0.3 * rng.normal(size=n)) * 4) / 4
    K, block = len(levels), 2 * p + 2 * n
    penalty = np.full(p, l1)
    penalty[0] = 0
    cost = np.concatenate(
        [np.concatenate([penalty, penalty, np.full(n, t / n), np.full(n, (1 - t) / n)]) for t in levels]
    )
    a_eq = np.kron(np.eye(K), np.concatenate([x, -x, np.eye(n), -np.eye(n)], 1))
    a_ub = np.zeros(((K - 1) * n, K * block))
    for k in range(K - 1):
        rows = slice(k * n, (k + 1) * n)
        a_ub[rows, k * block : k * block + 2 * p] = np.concatenate([x, -x], 1)
        a_ub[rows, (k + 1) * block : (k + 1) * block + 2 * p] = np.concatenate([-x, x], 1)
    equal = dict(A_eq=a_eq, b_eq=np.tile(y, K), method="highs")
    free = linprog(cost, **equal).fun / K
    monotone = linprog(cost, A_ub=a_ub, b_ub=np.zeros(len(a_ub)), **equal).fun / K
    assert monotone > free + 1e-4
    return {"levels": levels, "l1": l1, "x": x.tolist(), "labels": y.tolist(), "monotone": monotone, "free": free}


def scikit_learn():
    """The same problem by QuantileRegressor: more columns, one label a response, an intercept of its own."""
    from sklearn.linear_model import QuantileRegressor

    rng = np.random.default_rng(11)
    n, p, l1 = 150, 12, 0.003
    levels = [0.05, 0.25, 0.5, 0.75, 0.95]
    x = rng.normal(size=(n, p)).round(4)
    y = np.clip(np.round((0.5 + 0.15 * x[:, 0] - 0.1 * x[:, 1] + 0.2 * rng.normal(size=n)) * 10), 0, 10) / 10
    fits = []
    for tau in levels:
        fit = QuantileRegressor(quantile=tau, alpha=l1, solver="highs").fit(x, y)
        difference = y - fit.predict(x)
        pinball = np.mean(np.maximum(tau * difference, (tau - 1) * difference))
        fits.append(float(pinball + l1 * np.abs(fit.coef_).sum()))
    return {"levels": levels, "l1": l1, "x": x.tolist(), "labels": y.tolist(), "objectives": fits}


def adamw():
    p = torch.tensor([0.5, -1.25, 2.0], requires_grad=True)
    optimizer = torch.optim.AdamW([p], lr=0.01, weight_decay=0.1)
    gradients = [[0.1, -2.0, 0.0], [0.3, 1.0, 1e-6], [-0.2, 0.5, 4.0]]
    after = []
    for g in gradients:
        p.grad = torch.tensor(g)
        optimizer.step()
        after.append(p.detach().tolist())
    return {"start": [0.5, -1.25, 2.0], "gradients": gradients, "after": after}


def cosine():
    p = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.SGD([p], lr=1.0)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=10)
    factors = []
    for _ in range(11):
        factors.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    return factors


def gate():
    torch.manual_seed(3)
    inputs, hidden, attributes, pairs, beta, temperature = 4, 3, 2, 5, 2.5, 1.5
    linear1 = torch.nn.Linear(inputs, hidden, bias=False)
    norm1 = torch.nn.BatchNorm1d(hidden)
    linear2 = torch.nn.Linear(hidden, hidden, bias=False)
    norm2 = torch.nn.BatchNorm1d(hidden)
    linear3 = torch.nn.Linear(hidden, attributes)
    with torch.no_grad():
        for norm in (norm1, norm2):
            norm.weight.uniform_(0.5, 1.5)
            norm.bias.uniform_(-0.5, 0.5)
    net = torch.nn.Sequential(linear1, torch.nn.ReLU(), norm1, linear2, torch.nn.ReLU(), norm2, linear3)
    parameters = [linear1.weight, linear2.weight, linear3.weight]
    parameters += [norm1.weight, norm1.bias, norm2.weight, norm2.bias, linear3.bias]
    start = [p.detach().flatten().tolist() for p in parameters]
    features = torch.randn(2 * pairs, inputs)
    rewards = torch.rand(2 * pairs, attributes)
    weights = torch.softmax(net(features) / temperature, -1)
    score = (weights * rewards).sum(-1)
    loss = torch.nn.functional.softplus(-beta * (score[:pairs] - score[pairs:])).mean()
    loss.backward()
    net.eval()
    evaluated = torch.softmax(net(features) / temperature, -1)
    return {
        "sizes": [inputs, hidden, hidden, attributes],
        "temperature": temperature,
        "beta": beta,
        "parameters": start,
        "features": features.tolist(),
        "rewards": rewards.tolist(),
        "weights": weights.tolist(),
        "loss": loss.item(),
        "gradients": [p.grad.flatten().tolist() for p in parameters],
        "runningMean": [norm1.running_mean.tolist(), norm2.running_mean.tolist()],
        "runningVariance": [norm1.running_var.tolist(), norm2.running_var.tolist()],
        "evaluated": evaluated.tolist(),
    }


def write(name, value):
    with open(name, "w") as file:
        json.dump(value, file)
        file.write("\n")


write("quantile-regression.json", quantile_regression())
write("monotone.json", monotone_regression())
write("scikit-learn.json", scikit_learn())
write("torch.json", {"adamw": adamw(), "cosine": cosine(), "gate": gate()})
