"""Makes the twenty runs that the tasks of the terminal are done on, each by a real script with the SDK.

Usage: prepared.py [--live SECONDS]. `STEPWIRE_URL` names the server. With `--live` two runs go on for that long.
Prints `READY` when the ended runs are delivered and the live ones have begun.
"""

import math
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from stepwire import TrainingMonitor

STEPS = 800
SPIKE = 600


def curve(step, floor, speed, noise, seed):
    jitter = random.Random(seed * 100_003 + step).gauss(0, noise)
    return floor + 3.2 * math.exp(-step / speed) + jitter * (0.3 + math.exp(-step / speed))


def rate(step, peak):
    return peak * min(1.0, (step + 1) / 80) * 0.5 * (1 + math.cos(math.pi * step / STEPS))


def train(name, *, floor, speed=150, noise=0.04, seed=1, peak=6e-4, steps=STEPS, checkpoints=0, spike=False, **more):
    config = {
        "optimizer": {"name": "adamw", "lr": peak, "warmup": 80},
        "model": {"width": 512, "layers": 12},
        "seed": seed,
    }
    for path, value in more.pop("config", {}).items():
        section, _, key = path.partition(".")
        config[section] = {**config[section], key: value} if key else value
    with TrainingMonitor(name, config, total_steps=STEPS, **more) as monitor:
        for step in range(steps):
            loss = curve(step, floor, speed, noise, seed)
            if spike and SPIKE <= step < SPIKE + 12:
                loss *= 4
            monitor.log_metrics({"train/loss": loss, "lr": rate(step, peak), "grad_norm": 0.4 + loss / 3}, step=step)
            if step % 100 == 99:
                value = curve(step, floor + 0.08, speed, noise / 4, seed)
                monitor.log_metrics({"val/loss": value, "val/accuracy": 1 - value / 4}, step=step)
                print(f"step {step + 1}/{STEPS} val/loss {value:.4f}")
            if checkpoints and step % (STEPS // checkpoints) == STEPS // checkpoints - 1:
                path = Path(tempfile.gettempdir()) / "stepwire-prepared" / name / f"step_{step + 1}.npz"
                saved = monitor.save_checkpoint(
                    path, step=step, metrics={"val/loss": curve(step, floor, speed, 0, seed)}
                )
                monitor.mark_best_checkpoint(saved)  # each is better than the one before
            if spike:
                time.sleep(0.004)


def fail(name):
    """A run that diverges and raises: its last lines say why."""
    with TrainingMonitor(name, {"optimizer": {"name": "adamw", "lr": 1.2e-3}}, total_steps=STEPS) as monitor:
        for step in range(310):
            loss = curve(step, 0.9, 150, 0.04, 3) * (1 if step < 290 else 1.25 ** (step - 290))
            monitor.log_metrics({"train/loss": loss, "lr": rate(step, 1.2e-3), "grad_norm": loss}, step=step)
        print("loss is no longer finite", flush=True)
        print("last batch: shard 0017 sample 40961", file=sys.stderr, flush=True)
        raise FloatingPointError(f"loss {loss:.3g} after step 309: the NaN guard stops this run")


def wide(name):
    """5,000 metrics."""
    with TrainingMonitor(name, {"model": {"layers": 1000}}) as monitor:
        for step in range(30):
            names = ("grad_norm", "weight_norm", "update_norm", "activation_mean", "activation_std")
            values = {
                f"layer.{layer}/{part}": math.exp(-step / 10) + layer / 1000 + at / 10
                for layer in range(1000)
                for at, part in enumerate(names)
            }
            monitor.log_metrics({**values, "train/loss": math.exp(-step / 12)}, step=step)


def crash(name):
    monitor = TrainingMonitor(name, {"optimizer": {"name": "sgd", "lr": 0.1}}, total_steps=STEPS)
    for step in range(150):
        monitor.log_metrics({"train/loss": curve(step, 1.1, 150, 0.04, 5), "lr": 0.1}, step=step)
    print("CUDA error: an illegal memory access was encountered", flush=True)
    monitor.flush(10)
    time.sleep(0.5)
    os._exit(139)


def live(name, seconds, seed, pause):
    config = {"optimizer": {"name": "adamw", "lr": 6e-4}, "seed": seed}
    steps = int(seconds / pause)
    with TrainingMonitor(name, config, total_steps=steps) as monitor:
        print("LIVE", flush=True)
        for step in range(steps):
            loss = curve(step, 0.6, 900, 0.05, seed)
            monitor.log_metrics(
                {"train/loss": loss, "lr": 6e-4 * math.exp(-step / 5000), "grad_norm": 0.4 + loss / 3}, step=step
            )
            if step % 100 == 99:
                monitor.log_metrics({"val/loss": loss + 0.05}, step=step)
                print(f"step {step + 1} loss {loss:.4f}", flush=True)
            if monitor.should_stop:
                break
            time.sleep(pause)


def prepare():
    for seed in range(1, 6):
        train(f"lm-seed{seed}", floor=0.80, seed=seed, group="lm-seeds", tags=["seeds"], noise=0.08)
    train(
        "lm-wide",
        floor=0.55,
        seed=42,
        peak=3e-4,
        checkpoints=8,
        tags=["sota"],
        config={"model.width": 1024, "dropout": 0.0},
    )
    train("lm-base", floor=0.74, seed=41, checkpoints=4, config={"dropout": 0.1})
    train("lm-deep", floor=0.66, seed=43, config={"model.layers": 24, "dropout": 0.1})
    train("lm-spiky", floor=0.70, seed=44, spike=True, config={"dropout": 0.1})
    train("vit-mixup", floor=0.42, seed=7, project="vision", tags=["vit"])
    train("vit-base", floor=0.48, seed=8, project="vision", tags=["vit"])
    train("unet-fold1", floor=0.17, seed=9, project="segmentation", speed=90)
    train("unet-fold2", floor=0.16, seed=10, project="segmentation", speed=90)
    train("asr-small", floor=0.33, seed=11, project="speech")
    train("resnet50-lars", floor=0.90, seed=12, project="vision", config={"optimizer.name": "lars"})


def main():
    seconds = float(sys.argv[2]) if sys.argv[1:2] == ["--live"] else 0
    code = "import prepared; prepared.{}"
    here = Path(__file__).resolve().parent
    # The crash first: the server takes its time to be sure of it, and the failed run is to be the last that went wrong.
    subprocess.run([sys.executable, "-c", code.format("crash('lora-crash')")], cwd=here, check=False)
    prepare()
    for call in ("wide('probe-wide')", "fail('lm-lr12e4')"):
        subprocess.run([sys.executable, "-c", code.format(call)], cwd=here, check=False, stderr=subprocess.DEVNULL)
    calls = [f"live('lm-live{seed}', {seconds}, {seed}, 0.05)" for seed in (1, 2)] if seconds else []
    going = [
        subprocess.Popen([sys.executable, "-c", code.format(call)], cwd=here, stdout=subprocess.PIPE, text=True)
        for call in calls
    ]
    for process in going:
        while (line := process.stdout.readline()) and "LIVE" not in line:
            pass
    print("READY", flush=True)
    for process in going:
        process.stdout.read()
        process.wait()


if __name__ == "__main__":
    main()
