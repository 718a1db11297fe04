"""A training script that knows nothing of Stepwire: its lines are those of PyTorch's MNIST example."""

import argparse
import time

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=1.0)
parser.add_argument("--epochs", type=int, default=1)
given = parser.parse_args()

BATCH, TRAIN, TEST = 64, 6400, 1000
for epoch in range(1, given.epochs + 1):
    for batch in range(0, TRAIN // BATCH, 10):
        done = batch * BATCH
        loss = 1 / (1 + batch / 10 * given.lr)
        print(f"Train Epoch: {epoch} [{done}/{TRAIN} ({100 * done / TRAIN:.0f}%)]\tLoss: {loss:.6f}")
        time.sleep(0.05)
    correct = int(TEST * epoch / (epoch + 1)) if epoch == 1 else 750
    print(f"\nTest set: Average loss: {1 / epoch:.4f}, Accuracy: {correct}/{TEST} ({100 * correct / TEST:.0f}%)\n")
