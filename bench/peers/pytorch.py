"""PyTorch's side of the benchmark: reads one job as JSON from standard input, prints one JSON object.

A job is {"work", "inputs": [{"shape", "data": base64 of float32}], "trials", "trialMs", "warmMs"}; the answer is
{"cpu", "wall": milliseconds a step (medians), "outputs": [base64 of float32]}. One thread, eager mode.
"""
import base64
import ctypes
import json
import math
import statistics
import sys
import time

import torch

torch.set_num_threads(1)


def decode(array):
    data = bytearray(base64.b64decode(array["data"]))
    return torch.frombuffer(data, dtype=torch.float32).clone().reshape(array["shape"])


def encode(tensor):
    flat = tensor.detach().contiguous().reshape(-1)
    # Not through NumPy: PyTorch works without it.
    return base64.b64encode(ctypes.string_at(flat.data_ptr(), 4 * flat.numel())).decode()


def network(parameters, a):
    for k in range(0, len(parameters), 2):
        a = a @ parameters[k] + parameters[k + 1]
        if k + 2 < len(parameters):
            a = torch.tanh(a)
    return a


def mlp(x, y, *parameters):
    for p in parameters:
        p.requires_grad_(True)

    def step():
        loss = ((network(parameters, x) - y) ** 2).mean()
        return [loss, *torch.autograd.grad(loss, parameters)]

    return step, step


def adam(x, y, *parameters):
    for p in parameters:
        p.requires_grad_(True)
    optimizer = torch.optim.Adam(parameters, lr=1e-3, eps=1e-8)

    def step():
        optimizer.zero_grad()
        ((network(parameters, x) - y) ** 2).mean().backward()
        optimizer.step()

    def outputs():
        for _ in range(10):
            step()
        return [p.detach().clone() for p in parameters]

    return step, outputs


def pinn(t, x, *parameters):
    for p in (t, x, *parameters):
        p.requires_grad_(True)
    viscosity = 0.01 / math.pi

    def step():
        u = network(parameters, torch.stack([t, x], -1)).reshape(-1)
        ones = torch.ones_like(u)
        ut, ux = torch.autograd.grad(u, (t, x), ones, create_graph=True)
        (uxx,) = torch.autograd.grad(ux, x, ones, create_graph=True)
        loss = ((ut + u * ux - viscosity * uxx) ** 2).mean()
        return [loss, *torch.autograd.grad(loss, parameters)]

    return step, step


def jacobian(t, x, *parameters):
    t, x = t.double(), x.double()
    parameters = tuple(p.double() for p in parameters)

    def u(p, t, x):
        return network(p, torch.stack([t, x])).squeeze()

    def residual(p, t, x):
        ut, ux = torch.func.grad(u, argnums=(1, 2))(p, t, x)
        uxx = torch.func.grad(torch.func.grad(u, argnums=2), argnums=2)(p, t, x)
        return ut + u(p, t, x) * ux - 0.01 / math.pi * uxx

    rows = torch.func.vmap(torch.func.grad(residual), in_dims=(None, 0, 0))

    def step():
        return torch.cat([g.reshape(len(t), -1) for g in rows(parameters, t, x)], 1)

    def outputs():
        j = step()
        return [(j.T @ j).float()]

    return step, outputs


def plain(f):
    def make(*inputs):
        def step():
            with torch.no_grad():
                return [f(*inputs)]

        return step, step

    return make


works = {
    "matmul": plain(lambda a, b: a @ b),
    "matmul_tn": plain(lambda a, b: a.T @ b),
    "chain": plain(lambda x: torch.sin(x) * torch.exp(-x * x) + x / 2),
    "tanh": plain(torch.tanh),
    "sum": plain(torch.sum),
    "mlp": mlp,
    "adam": adam,
    "pinn": pinn,
    "jacobian": jacobian,
}


def repeat(step, times):
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(times):
        step()
    return (time.process_time() - cpu) * 1e3 / times, (time.perf_counter() - wall) * 1e3 / times


def main():
    job = json.load(sys.stdin)
    step, outputs = works[job["work"]](*map(decode, job["inputs"]))
    answer = [encode(v) for v in outputs()]
    times, spent, runs = 1, 0.0, 0
    while runs < 3 or spent < job["warmMs"]:
        cpu, _ = repeat(step, times)
        spent += max(cpu * times, 0.01)
        runs += times
        if cpu * times < job["trialMs"]:
            times *= 2
    found = [repeat(step, times) for _ in range(job["trials"])]
    cpu, wall = (statistics.median(v) for v in zip(*found))
    print(json.dumps({"cpu": cpu, "wall": wall, "outputs": answer}))


main()
