"""Numbers out of log lines: the documented table, whole logs, what is refused, and that no line takes long."""

import math
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwire.errors import InvalidError
from stepwire.formats.patterns import MAX_NAMES, Patterns, compile_pattern

DOCS = Path(__file__).parents[2] / "docs" / "run.md"


def table(heading: str) -> Iterator[list[str]]:
    """The cells of the table under a heading of the page, as they are read in a browser."""
    section = DOCS.read_text().split(f"## {heading}\n")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    for row in rows:
        yield [cell.strip().strip("`").replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", row)[1:-1]]


READ = list(table("Numbers in log lines"))
REFUSED = list(table("What is not read"))


def read_all(lines: list[str]) -> list[tuple[float | None, dict[str, float]]]:
    """Step and metrics of each point that a log gives."""
    patterns = Patterns()
    points = [point for line in lines for point in patterns.read(line, 1)] + patterns.flush()
    return [(point.step, point.metrics) for point in points]


def told(points: list[tuple[float | None, dict[str, float]]]) -> str:
    """A point as the page writes it."""
    (point,) = points
    step, metrics = point
    return f"step {step:g}: " + ", ".join(f"{name} {value:.6g}" for name, value in metrics.items())


@pytest.mark.parametrize(("line", "expected"), READ, ids=[line for line, _ in READ])
def test_every_line_of_the_documented_table_is_read_as_it_says(line: str, expected: str) -> None:
    """The table of ``docs/run.md`` is what the code does."""
    assert told(read_all([line])) == expected


@pytest.mark.parametrize("line", [line for line, *_ in REFUSED])
def test_every_line_documented_as_not_read_gives_nothing(line: str) -> None:
    """Not even when it comes again and again."""
    assert read_all([line] * 3) == []


def test_the_tables_are_there() -> None:
    """The page's tables were found, and have the examples that matter."""
    assert len(READ) > 25
    assert len(REFUSED) > 10


def test_a_name_that_is_no_metrics_for_sure_counts_from_its_second_line() -> None:
    """What is told once is none; the first value is given as soon as the second comes."""
    assert read_all(["queue: 3", "seeds: 42"]) == []
    assert read_all(["queue: 3", "text", "queue: 5", "queue: 6"]) == [
        (0, {"queue": 3.0}),
        (1, {"queue": 5.0}),
        (2, {"queue": 6.0}),
    ]
    assert read_all(["queue: 3", "queue: 3", "queue: 3"]) == []
    assert read_all(["step 1 queue: 3", "step 2 queue: 3"]) == [(1, {"queue": 3.0}), (2, {"queue": 3.0})]


def test_beside_a_metric_every_number_counts() -> None:
    """The line is about the training then; but names that are never metrics stay out."""
    assert read_all(["queue: 3 loss: 0.5 pid: 12"]) == [(0, {"queue": 3.0, "loss": 0.5})]


def test_the_step_is_the_last_one_seen() -> None:
    """In the line itself or in one before."""
    assert read_all(["step 7", "loss: 0.5", "loss: 0.4", "iteration 9", "acc: 0.1"]) == [
        (7, {"loss": 0.5}),
        (7, {"loss": 0.4}),
        (9, {"acc": 0.1}),
    ]


def test_without_any_step_the_lines_are_counted() -> None:
    """From 0, as log calls are."""
    assert read_all(["loss: 3", "hello", "loss: 2", "acc: 0.5"]) == [
        (0, {"loss": 3.0}),
        (1, {"loss": 2.0}),
        (2, {"acc": 0.5}),
    ]


def test_steps_that_begin_anew_in_each_epoch_go_on() -> None:
    """The usual tutorial: the second epoch is drawn behind the first, and the total is known."""
    patterns = Patterns()
    lines = [
        f"Epoch [{e}/3], Step [{s}/300], Loss: {1 / (e * 300 + s):.4f}" for e in (1, 2, 3) for s in (100, 200, 300)
    ]
    steps = [point.step for line in lines for point in patterns.read(line)]
    assert steps == list(range(100, 1000, 100))
    assert patterns.total_steps == 900


def test_steps_that_do_not_begin_anew_stay() -> None:
    """An epoch beside a step that counts from the start changes nothing."""
    patterns = Patterns()
    lines = [f"epoch {step // 100} step {step}/300 loss {1 / (step + 1)}" for step in range(0, 300, 50)]
    assert [point.step for line in lines for point in patterns.read(line)] == [0, 50, 100, 150, 200, 250]
    assert patterns.total_steps == 300


def test_pytorchs_mnist_example() -> None:
    """Its log, unchanged: batches within epochs, and a test line at the last step."""
    lines = [
        f"Train Epoch: {e} [{s}/60000 ({s // 600}%)]\tLoss: {1 / (s + e):.6f}" for e in (1, 2) for s in (0, 640, 59520)
    ]
    test = "Test set: Average loss: 0.0345, Accuracy: 9876/10000 (99%)"
    points = read_all([*lines[:3], "", test, "", *lines[3:], "", test, ""])
    assert [step for step, _ in points] == [0, 640, 59520, 59520, 60000, 60640, 119520, 119520]
    assert points[3][1] == points[-1][1] == {"test/average_loss": 0.0345, "test/accuracy": 0.9876}
    assert all(metrics.keys() == {"train/loss", "epoch"} for _, metrics in (*points[:3], *points[4:-1]))


def test_the_trainer_of_hugging_face() -> None:
    """Its dicts tell the epoch, its bars the step, a moment later; the bar of an evaluation is not the training's."""
    patterns = Patterns()
    lines = [
        "  0%|          | 0/32 [00:00<?, ?it/s]",
        " 47%|████▋     | 15/32 [00:02<00:02,  6.67it/s]",
        "{'loss': 0.5, 'grad_norm': nan, 'learning_rate': 5e-05, 'epoch': 0.5}",
        " 50%|█████     | 16/32 [00:02<00:02,  5.67it/s]",
        "  0%|          | 0/8 [00:00<?, ?it/s]\x1b[A",
        "{'eval_loss': '0.45', 'eval_accuracy': np.float64(0.9), 'epoch': '0.5'}",
        " 50%|█████     | 16/32 [00:02<00:02,  5.67it/s]",
        "100%|██████████| 8/8 [00:00<00:00, 72.24it/s]\x1b[A",
        " 94%|█████████▍| 30/32 [00:03<00:00, 15.35it/s]",
        "{'loss': 0.25, 'grad_norm': 1.5, 'learning_rate': 4e-05, 'epoch': 1.0}",
        "100%|██████████| 32/32 [00:03<00:00, 15.98it/s]",
        "  0%|          | 0/8 [00:00<?, ?it/s]\x1b[A",
        "{'eval_loss': '0.35', 'eval_accuracy': np.float64(0.8), 'epoch': '1'}",
        "100%|██████████| 32/32 [00:03<00:00, 15.98it/s]",
        "100%|██████████| 8/8 [00:00<00:00, 101.21it/s]\x1b[A",
        "{'train_runtime': 10.2, 'train_loss': 0.44, 'epoch': 1.0}",
    ]
    points = [point for line in lines for point in patterns.read(line)]
    assert patterns.is_holding
    points += patterns.flush()
    dicts = [(point.step, point.metrics) for point in points if "it_per_second" not in point.metrics]
    assert math.isnan(dicts[0][1].pop("grad_norm"))
    assert dicts == [
        (16, {"loss": 0.5, "learning_rate": 5e-05, "epoch": 0.5}),
        (16, {"eval_loss": 0.45, "eval_accuracy": 0.9, "epoch": 0.5}),
        (32, {"loss": 0.25, "grad_norm": 1.5, "learning_rate": 4e-05, "epoch": 1.0}),
        (32, {"eval_loss": 0.35, "eval_accuracy": 0.8, "epoch": 1.0}),
        (32, {"train_runtime": 10.2, "train_loss": 0.44, "epoch": 1.0}),
    ]
    assert patterns.total_steps == 32


def test_a_bar_before_the_training_is_not_the_trainings() -> None:
    """A longer one that is complete: what is prepared before."""
    lines = ["100%|███| 60000/60000 [00:01<00:00, 9000it/s]", " 50%|███| 5/10 [00:01<00:01, 5it/s]", "loss: 0.5"]
    assert read_all(lines)[-1] == (5, {"loss": 0.5})


def test_lines_do_not_wait_for_ever() -> None:
    """Where no bar comes any more they are given when many wait."""
    patterns = Patterns()
    patterns.read(" 50%|███| 5/10 [00:01<00:01, 5it/s]")
    points = [point for number in range(150) for point in patterns.read(f"loss: {number}")]
    assert len(points) > 100
    assert {point.step for point in points} == {5}


def test_keras_progress_lines() -> None:
    """Bars of several epochs, with the validation at the end of each."""
    patterns = Patterns()
    lines = [
        "Epoch 1/2",
        " 1/100 [..............................] - ETA: 10s - loss: 2.3 - accuracy: 0.1",
        "100/100 [==============================] - 3s 20ms/step - loss: 0.9 - accuracy: 0.6 - val_loss: 0.8",
        "Epoch 2/2",
        "  1/100 ━━━━━━━━━━━━━━━━━━━━ 10s 100ms/step - accuracy: 0.7 - loss: 0.8",
        "100/100 ━━━━━━━━━━━━━━━━━━━━ 3s 20ms/step - accuracy: 0.8 - loss: 0.5 - val_loss: 0.6",
    ]
    points = [point for line in lines for point in patterns.read(line)]
    assert [point.step for point in points] == [1, 100, 101, 200]
    assert points[-1].metrics == {"steps_per_second": 50.0, "accuracy": 0.8, "loss": 0.5, "val_loss": 0.6}
    assert patterns.total_steps == 200


def test_lightnings_bars() -> None:
    """The bar of each epoch goes on where the one before ended; the bar of the validation counts nothing."""
    lines = []
    for epoch in (0, 1):
        lines += [
            f"Epoch {epoch}: {n}%|███| {n}/100 [00:1<0:2, 4.{n}it/s, v_num=0, train_loss={1 / (n + 1):.3f}]"
            for n in (0, 50, 100)
        ]
        lines += [f"Validation DataLoader 0: {n}%|███| {n}/20 [00:01<00:02, 50.{n}it/s]" for n in (0, 20)]
    points = [(step, metrics) for step, metrics in read_all(lines) if "train_loss" in metrics]
    assert [step for step, _ in points] == [0, 50, 100, 100, 150, 200]
    assert all(metrics.keys() == {"it_per_second", "train_loss", "epoch"} for _, metrics in points)


def test_epochs_that_are_counted_from_0() -> None:
    """Lightning's last epoch of three is 2/2."""
    patterns = Patterns()
    for epoch in (0, 1):
        patterns.read(f"Epoch {epoch}/2  ━━━━━━━━ 32/32 0:00:00 • 0:00:00 741.88it/s v_num: 0.000 train_loss: 0.139")
    assert patterns.total_steps == 96


def test_boosting() -> None:
    """XGBoost and LightGBM write the round in brackets, CatBoost before a colon, all with a tab behind."""
    assert read_all(["[10]\ttrain-logloss:0.5\teval-logloss:0.6"]) == [
        (10, {"train-logloss": 0.5, "eval-logloss": 0.6})
    ]
    lightgbm = "[3]\ttraining's binary_logloss: 0.5\tvalid_1's auc: 0.9"
    assert read_all([lightgbm]) == [(3, {"train/binary_logloss": 0.5, "valid_1/auc": 0.9})]
    catboost = [f"{n}:\tlearn: 0.{9 - n}\ttest: 0.{8 - n}\ttotal: {n}s\tremaining: 2s" for n in (0, 1)]
    assert read_all(catboost)[-1] == (1, {"learn": 0.8, "test": 0.7})


def test_a_bar_that_is_drawn_again_gives_nothing_new() -> None:
    """The same step with the same numbers is one point."""
    bar = " 45%|███| 45/100 [00:10<00:12, 4.5it/s, loss=0.42]"
    assert len(read_all([bar, bar, bar])) == 1


def test_ranks_that_print_in_turn_do_not_begin_epochs() -> None:
    """A step that is a little lower than the last is late, not new."""
    assert [step for step, _ in read_all([f"step {n}/100 loss {n / 7}" for n in (10, 11, 10, 12, 11)])] == [
        10,
        11,
        10,
        12,
        11,
    ]


def test_json_in_a_line() -> None:
    """With text before it, nested, with a step of its own that later lines take over."""
    points = read_all(['INFO: {"step": 5, "train": {"loss": 0.5}, "note": "x"}', "acc: 0.9"])
    assert points == [(5, {"train/loss": 0.5}), (5, {"acc": 0.9})]
    assert read_all(['step 3: {"loss": 0.5}']) == [(3, {"loss": 0.5})]
    assert read_all(['{"pid": 12, "port": 80}'] * 3) == []


def test_nothing_is_evaluated(tmp_path: Path) -> None:
    """What looks like a dict with code in it is text."""
    marker = tmp_path / "marker"
    read_all([f"{{'loss': __import__('pathlib').Path({str(marker)!r}).touch(), 'acc': 0.5}}"])
    assert not marker.exists()


def test_colours_and_cursor_movements_are_no_part_of_a_line() -> None:
    """As rich, loguru and tqdm write them."""
    line = "\x1b[32m2025-11-23\x1b[0m \x1b]0;title\x07\x1b[1mloss\x1b[0m: \x1b[38;5;200m0.42\x1b[0m\x1b[K"
    assert read_all([line]) == [(0, {"loss": 0.42})]


def test_units_are_told_and_times_and_sizes_are_in_one_unit() -> None:
    """Seconds and bytes, so that a line in ms and one in s are one curve."""
    patterns = Patterns()
    points = [
        point.metrics
        for line in ("loss: 1 time: 150ms mem: 900MB", "loss: 2 time: 1.2s mem: 1.2GB")
        for point in patterns.read(line)
    ]
    assert points[0] == {"loss": 1.0, "time": pytest.approx(0.15), "mem": 9e8}
    assert points[1] == {"loss": 2.0, "time": 1.2, "mem": 1.2e9}
    assert patterns.units == {"time": "s", "mem": "bytes"}
    patterns.read("took: 3s")
    assert "took" not in patterns.units


def test_the_number_of_names_is_limited() -> None:
    """Nonsense cannot make series without end, nor take memory without end; it is said."""
    patterns = Patterns()
    names = set()
    for number in range(3000):
        for point in patterns.read(f"step {number} loss_{number}: 0.5 thing{number}: 3"):
            names |= point.metrics.keys()
    assert len(names) == MAX_NAMES
    assert patterns.warning == "more than 500 names in the log; others are passed over"
    for number in range(5000):
        patterns.read(f"other{number}: 3")
    assert len(patterns._pending) <= 1000


# --- the user's patterns ---------------------------------------------------------------------------------


def test_a_pattern_with_named_groups() -> None:
    """Groups are metrics, ``step`` is the step, two underscores are a slash; it wins over the built-in ones."""
    patterns = Patterns([compile_pattern(r"it (?P<step>\d+) -> (?P<val__quality>[\d.]+)")])
    (point,) = patterns.read("it 12 -> 0.75 loss: 3")
    assert (point.step, point.metrics) == (12, {"val/quality": 0.75})
    (point,) = patterns.read("loss: 3")
    assert (point.step, point.metrics) == (12, {"loss": 3.0})


def test_a_pattern_with_names_and_values() -> None:
    """Each match in the line is a metric."""
    patterns = Patterns([compile_pattern(r"<(?P<name>\w+) (?P<value>\S+)>")])
    (point,) = patterns.read("<alpha 1.5> <beta 2e3> <gamma none>")
    assert point.metrics == {"alpha": 1.5, "beta": 2000.0}


@pytest.mark.parametrize(("text", "why"), [("(", "no regular expression"), (r"loss (\d+)", "names no group")])
def test_a_pattern_that_cannot_be_used_is_refused(text: str, why: str) -> None:
    """With what to do."""
    with pytest.raises(InvalidError, match=why):
        compile_pattern(text)


def test_a_pattern_that_takes_too_long_is_given_up() -> None:
    """It costs its time once, and the log goes on."""
    patterns = Patterns([compile_pattern(r"(?P<x>(a|aa)+)$")])
    patterns.read("a" * 34 + "b1")
    assert patterns.warning
    assert "takes too long" in patterns.warning
    assert patterns.read("loss: 1")[0].metrics == {"loss": 1.0}


# --- any line --------------------------------------------------------------------------------------------


@given(st.lists(st.text(max_size=200), max_size=5))
def test_any_text_is_read_without_an_error(lines: list[str]) -> None:
    """No line raises, and what comes out can be logged."""
    patterns = Patterns()
    for line in lines:
        for point in patterns.read(line, 1):
            assert point.metrics
            assert point.step is not None
            assert math.isfinite(point.step)


PIECES = [
    "loss",
    "step",
    "train",
    "epoch",
    "nan",
    "1",
    "0.5",
    "1,000",
    "/",
    ":",
    "=",
    " ",
    "[",
    "]",
    "%",
    "|",
    "{",
    "}",
    "'",
    "it/s",
    "\x1b[0m",
    "-",
    ".",
    "of",
    "#",
]


@given(st.lists(st.sampled_from(PIECES), max_size=60).map("".join))
def test_any_mixture_of_what_matters_is_read_without_an_error(line: str) -> None:
    """Lines that come close to the patterns."""
    patterns = Patterns()
    patterns.read(line)
    patterns.read(line)


@pytest.mark.parametrize(
    "piece",
    [
        "1",
        "1,",
        "1,234",
        "a",
        "a ",
        "a=",
        "a: ",
        "'a':",
        "{'a': ",
        '{"a":',
        "[",
        "\x1b[",
        "\x1b]",
        "1/",
        "1:",
        "loss ",
        "loss:",
        "train ",
        "%|",
        "./",
        "a.b:1",
        "-1",
        "inf ",
        "1e",
        " \t",
        "é",
        "a's ",
    ],
)
def test_no_line_takes_long(piece: str) -> None:
    """64 Ki characters of what could make a pattern try again and again: work that grew faster would not end here."""
    line = piece * (65536 // len(piece))
    patterns = Patterns()
    for _ in range(20):
        patterns.read(line)


def test_the_patterns_of_the_page_are_such() -> None:
    """Those that ``docs/run.md`` shows, read from it."""
    first, second = (
        compile_pattern(text) for text in re.findall(r"'((?:it|<)[^'\n]*\(\?P<[^'\n]*)'", DOCS.read_text())
    )
    assert Patterns([first]).read("it 12 -> 0.75")[0].metrics == {"val/quality": 0.75}
    assert Patterns([second]).read("<alpha 1.5>")[0].metrics == {"alpha": 1.5}
