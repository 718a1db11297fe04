"""The words that log lines of trainings are made of."""


def words(text: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(text.split())


PHASES = {
    **dict.fromkeys(("train", "training", "trn"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "validating", "validate", "dev"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
    **dict.fromkeys(("eval", "evaluation", "evaluating", "evaluate"), "eval"),
}
"""Words that say which part of a training a line is about → how that is named."""

STEPS = words(
    "global_step step iteration iter update num_updates timestep total_timesteps episode round consumed_steps"
)
"""Words whose number counts from the beginning of the training, or of an epoch."""

BATCHES = frozenset(("batch", "minibatch"))
"""Words whose number counts from the beginning of an epoch."""

EPOCHS = frozenset(("epoch", "ep"))

STRONG = words(
    "loss losses logloss nll ce bce kl elbo perplexity ppl bpb bpc cer wer "
    "acc accuracy acc1 acc5 top1 top5 error err precision recall f1 auc auroc ap map iou miou dice mcc "
    "bleu rouge meteor chrf score psnr ssim fid lpips mae mse rmse mape r2 mfu hfu "
    "reward rewards return returns grad_norm gnorm gradnorm objective fitness regret"
)
"""A line with a number for one of these words is about the training, and so are its other numbers."""

AMBIGUOUS = words("error err map ap score return returns precision objective objectives top1 top5")
"""Of these only when their number looks measured: ``map: 0.51``, and not ``error: 404``."""

WEAK = words("lr learning_rate rate norm time momentum entropy throughput tps fps speed temperature")
"""Words for numbers of a training that also stand in other lines."""

QUALIFIERS = words(
    "average avg mean median total running smoothed ema lm mlm final current max min best top global grad gradient "
    "learning policy value critic actor box cls class obj dfl seg mask reg aux ctc kl ce bce mse l1 l2 weight "
    "reconstruction recon generator discriminator gen disc adv g d q pixel token tokens char word macro micro weighted "
    "balanced norm batch epoch step top-1 top-5 top1 top5 elapsed data forward backward ep episode"
)
"""Words that may stand before those in a name: ``average loss``, ``grad norm``."""

NEUTRAL = words("set phase results result metrics summary stats dataloader loader progress step epoch loop")
"""Words that may stand beside a phase: ``Test set``, ``Validation DataLoader``."""

LOOPS = words("steps epochs iterations iters batches episodes rounds updates optimization finetuning")
"""Words that a progress bar of a training may have in front, beside the others."""

IGNORED = words(
    "pid port seed rank local_rank world_size line lineno version v_num id jobid node device cuda gpu eta errno exit "
    "code status http https python torch numpy localhost total remaining left loglevel level year month day"
)
"""Names that are never metrics."""

FILE_ENDINGS = (
    *(".py", ".pyx", ".ipynb", ".sh", ".c", ".cc", ".cpp", ".cu", ".h", ".hpp", ".js", ".ts", ".go", ".rs", ".java"),
    *(".log", ".txt", ".json", ".jsonl", ".yaml", ".yml", ".toml", ".cfg", ".ini", ".csv", ".pt", ".pth", ".so"),
)
"""Words that end so are files, and what follows is a line."""

UNITS: dict[str, tuple[float, str | None]] = {
    **{"ns": (1e-9, "s"), "us": (1e-6, "s"), "µs": (1e-6, "s"), "ms": (1e-3, "s"), "msec": (1e-3, "s")},
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), (1.0, "s")),
    **dict.fromkeys(("min", "mins", "minutes"), (60.0, "s")),
    **dict.fromkeys(("h", "hr", "hrs", "hours"), (3600.0, "s")),
    **{"KB": (1e3, "bytes"), "MB": (1e6, "bytes"), "GB": (1e9, "bytes"), "TB": (1e12, "bytes")},
    **{"KiB": (2.0**10, "bytes"), "MiB": (2.0**20, "bytes"), "GiB": (2.0**30, "bytes"), "TiB": (2.0**40, "bytes")},
    **{"k": (1e3, None), "K": (1e3, None), "M": (1e6, None), "B": (1e9, None), "G": (1e9, None), "T": (1e12, None)},
    **{"°C": (1.0, "°C"), "W": (1.0, "W"), "Hz": (1.0, "Hz"), "dB": (1.0, "dB")},
}
"""Unit behind a number → factor, and the unit of the product."""

TIME_UNITS = frozenset(("ns", "us", "µs", "ms", "s", "sec", "min"))
SECONDS = frozenset(("s", "sec", "second"))
COUNTED = {
    **dict.fromkeys(("it", "its", "iter", "iters", "iterations"), "it"),
    **dict.fromkeys(("step", "steps"), "steps"),
    **dict.fromkeys(("sample", "samples", "smpl"), "samples"),
    **dict.fromkeys(("token", "tokens", "tok", "toks"), "tokens"),
    **dict.fromkeys(("image", "images", "img", "imgs"), "images"),
    **dict.fromkeys(("batch", "batches"), "batches"),
    **dict.fromkeys(("example", "examples", "ex"), "examples"),
    **dict.fromkeys(("sequence", "sequences", "seq", "seqs"), "sequences"),
    **dict.fromkeys(("frame", "frames"), "frames"),
    **dict.fromkeys(("word", "words"), "words"),
    **dict.fromkeys(("episode", "episodes"), "episodes"),
}
"""What is counted per second → how that is named."""
