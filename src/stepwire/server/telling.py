"""Which metrics tell most about a run, by their names: for the answers that don't hold all of them.

The page picks a run's main metric by the same words: ``frontend/src/lib/pick.ts`` and ``frontend/src/lib/goal.ts``.
"""

import re
from collections.abc import Collection, Iterable
from functools import lru_cache
from heapq import nsmallest
from itertools import pairwise

from stepwire.server.values import is_system
from stepwire.storage.series.interface import Summary

LOSSES = frozenset(
    {"loss", "nll", "error", "err", "perplexity", "ppl", "mse", "rmse", "mae", "cost", "objective", "elbo"}
    | {"crossentropy", "wer", "cer"}
)
SCORES = frozenset(
    {"acc", "accuracy", "f1", "auc", "auroc", "score", "precision", "recall", "bleu", "iou", "map", "return", "r2"}
)
LOSS_PARTS = ("loss", "error", "perplexity")
SCORE_PARTS = ("reward",)
_HELD_OUT = frozenset({"val", "valid", "validation", "eval", "dev"})
_SPECIAL = frozenset({"test", "best", "ema", "avg", "aux"})
_HUMP = re.compile(r"([a-z0-9])([A-Z])")
_BETWEEN = re.compile(r"[^a-z0-9]+")
_KEPT = 1 << 15


def most_telling(summaries: Iterable[Summary], aims: Collection[str], count: int) -> list[Summary]:
    """The ``count`` metrics that tell most: ``aims`` before losses, scores, learning rates, the rest, the machine's."""
    return nsmallest(count, summaries, key=lambda one: (one.name not in aims, _place(one.name)))


@lru_cache(_KEPT)
def _place(name: str) -> tuple[int, int, int, str]:
    words = _BETWEEN.split(_HUMP.sub(r"\1 \2", name).lower())
    return _kind(name, words), _side(words), len(name), name


def _kind(name: str, words: list[str]) -> int:
    lower = name.lower()
    if is_system(name):
        return 4
    if not LOSSES.isdisjoint(words) or any(part in lower for part in LOSS_PARTS):
        return 0
    if not SCORES.isdisjoint(words) or any(part in lower for part in SCORE_PARTS):
        return 1
    rate = "lr" in words or "learningrate" in words or ("learning", "rate") in pairwise(words)
    return 2 if rate else 3


def _side(words: list[str]) -> int:
    """Training before validation before the rest."""
    if not _HELD_OUT.isdisjoint(words):
        return 1
    return 0 if _SPECIAL.isdisjoint(words) else 2
