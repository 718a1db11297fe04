"""What one log line says: names with numbers, steps, epochs, how far a progress bar is."""

import re
from dataclasses import dataclass, field

from stepwire.formats.tokens import Token, tokenize
from stepwire.formats.vocabulary import (
    AMBIGUOUS,
    BATCHES,
    COUNTED,
    EPOCHS,
    IGNORED,
    LOOPS,
    NEUTRAL,
    PHASES,
    QUALIFIERS,
    SECONDS,
    STEPS,
    STRONG,
    TIME_UNITS,
    UNITS,
    WEAK,
)

MAX_CHARACTERS = 2000
_MAX_WORDS = 4
_MAX_STEP_DIGITS = 15
_BAR = re.compile(r"%\s*\||[█▏▎▍▌▋▊▉━╸╺]|\[[=>.#-]{3,}")
_PART = re.compile(r"[\W_]+")
_BOOSTING = re.compile(r"\s*(?:\[(\d{1,15})\]|(\d{1,15}):)\t")  # XGBoost and LightGBM, CatBoost
_ENDLESS_BAR = re.compile(r"(?:^|:)\s*(\d{1,15})(?:it|ba|steps?|batch(?:es)?)\s\[")  # a total that tqdm does not know
_STEP_COMPANIONS = frozenset(("global", "current", "train", "training", "total", "optimizer", "environment", "env"))


@dataclass(frozen=True, slots=True)
class Count:
    """A number that counts, and what it counts up to, if that is told."""

    value: float
    total: int | None = None


@dataclass(slots=True)
class Line:
    """What a line says.

    Attributes:
        metrics: Name → value.
        units: Name → unit, where one stands in the line.
        step: The number of a step word.
        is_batch: That word was ``batch``, which counts within an epoch.
        epoch: The number of ``epoch``.
        position: Where a progress bar or a bracket like ``[640/60000]`` stands.
        phase: The first of ``train``, ``val``, ``test``, ``eval`` that the line is about.
        is_bar: It is drawn by a progress bar.
        is_strong: A name in it is that of a metric beyond doubt.
        time: When it says that it was written, in µs since 1970.
    """

    metrics: dict[str, float] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    step: Count | None = None
    is_batch: bool = False
    epoch: Count | None = None
    position: Count | None = None
    phase: str | None = None
    is_bar: bool = False
    is_strong: bool = False
    time: int | None = None


def read_line(text: str) -> Line:
    """Return what a line without escape sequences says; what is behind 2,000 characters is not looked at."""
    return _Reader(text[:MAX_CHARACTERS]).read()


def is_strong_name(name: str) -> bool:
    """Whether a name is that of a metric beyond doubt."""
    lowered = name.lower()
    return (
        bool(STRONG.intersection(_PART.split(lowered)))
        or lowered.rpartition("/")[2] in STRONG
        or lowered.endswith(("loss", "accuracy"))
    )


class _Reader:
    """Walks along the tokens once; ``_run`` holds the words that may become the name of the next number."""

    def __init__(self, text: str) -> None:
        self._tokens = tokenize(text)
        self._line = Line(is_bar=bool(_BAR.search(text)))
        self._phase: str | None = None
        self._run: list[str] = []
        self._unit: str | None = None
        self._place = 0
        self._is_table = len(self._tokens) > 1 and self._tokens[0].text in "|│" and self._tokens[-1].text in "|│"
        self._is_foreign = False
        self._look_at_beginning(text)

    def _look_at_beginning(self, text: str) -> None:
        if boosting := _BOOSTING.match(text):
            self._line.step = Count(int(boosting[1] or boosting[2]))
        if bar := _ENDLESS_BAR.search(text):
            self._line.is_bar = True
            self._line.position = Count(int(bar[1]))
            self._note_description(re.findall(r"\w+", text[: bar.start()]))

    def read(self) -> Line:
        while self._place < len(self._tokens):
            token = self._tokens[self._place]
            if token.kind == "word" or self._is_prose(token):
                self._word(token)
            elif token.kind == "number":
                self._number(self._place, is_told=False)
            elif token.text in ":=" and self._run:
                self._separator()
            elif self._run and token.text in "([#":
                self._bracket(token)
            elif self._run and self._is_table and token.text in "|│" and self._kind(1) == "number":
                self._place += 1
                self._number(self._place, is_told=True)
            else:
                self._close()
                self._place += 1
        self._close()
        return Line(is_bar=True) if self._is_foreign else self._line

    def _kind(self, ahead: int) -> str:
        place = self._place + ahead
        return self._tokens[place].kind if place < len(self._tokens) else ""

    def _text(self, place: int) -> str:
        return self._tokens[place].text if 0 <= place < len(self._tokens) else ""

    def _is_prose(self, token: Token) -> bool:
        """Whether a ``nan`` or ``inf`` is a word among others: ``number of nan iterations``."""
        is_spelled = token.kind == "number" and token.text.lstrip("+-")[0].isalpha()
        return is_spelled and bool(self._run) and not _is_vocabulary(self._run[-1])

    def _word(self, token: Token) -> None:
        before = self._tokens[self._place - 1] if self._place else None
        if token.glued and before is not None and before.kind == "number":
            self._close()
        else:
            self._run.append(token.text)
            del self._run[:-8]
        self._place += 1

    def _separator(self) -> None:
        """``name: number``, ``name = number``, ``Epoch: [3]``; else the words before it are no name."""
        ahead = 1
        if _is_step_word(self._run[-1]) and self._text(self._place + 1) in ("[", "(", "#"):
            ahead = 2
        if self._kind(ahead) == "number":
            if self._text(self._place) == "=" and self._tokens[self._place].glued:
                self._note_phase(self._run[:-1])
                del self._run[:-1]
            self._place += ahead
            self._number(self._place, is_told=True)
        else:
            self._close()
            self._place += 1

    def _bracket(self, token: Token) -> None:
        """``Epoch [3/10]``, ``step #10``; ``time (ms): 3``; else the words before it are no name."""
        if _is_step_word(self._run[-1]) and self._kind(1) == "number":
            self._place += 1
            self._number(self._place, is_told=True)
        elif self._text(self._place + 2) in (")", "]") and self._text(self._place + 1) in UNITS:
            self._unit = self._text(self._place + 1)
            self._place += 3
        else:
            self._close()
            self._place += 1

    def _number(self, place: int, *, is_told: bool) -> None:
        """Take the number at a place; ``is_told``: a separator stands between the name and it."""
        token = self._tokens[place]
        run, self._run = self._run, []
        unit, self._unit = self._unit, None
        total = self._total(place)
        self._place = place + (1 if total is None else 3)
        if token.value is None:
            self._note_phase(run)
        elif self._is_percentage_of_bar(place):
            self._note_description(run)
        elif run and self._take_step(run, token, total):
            pass
        elif run and self._take_metric(run, token, total, unit, is_told=is_told):
            self._skip_rate()
        else:
            self._note_phase(run)
            if total is not None and (not run or _is_phase(run)):
                self._take_position(token, total, place)
            else:
                self._take_rate(token)

    def _total(self, place: int) -> float | None:
        """Return the number behind ``/`` or ``of``; not of a date such as 2024/01/31."""
        if self._text(place + 1) not in ("/", "of") or place + 2 >= len(self._tokens):
            return None
        total = self._tokens[place + 2]
        is_chain = self._text(place + 3) == "/" or (self._text(place - 1) == "/" and self._tokens[place].glued)
        return None if total.kind != "number" or is_chain else total.value

    def _is_percentage_of_bar(self, place: int) -> bool:
        return self._line.is_bar and self._tokens[place].unit == "%" and self._text(place - 1) != "="

    # --- steps -------------------------------------------------------------------------------------------

    def _take_step(self, run: list[str], token: Token, total: float | None) -> bool:
        """Take the number of a step or an epoch; whether it is one."""
        words = [word.lower().strip("-_./'") for word in run]
        last = words[-1]
        if not _is_step_word(last) or token.value is None or token.value < 0 or token.unit is not None:
            return False
        others = set(words[:-1]) if len(words) <= _MAX_WORDS else {""}
        if not others <= _STEP_COMPANIONS | NEUTRAL | PHASES.keys():
            return False
        is_whole = token.value.is_integer() and len(token.text) <= _MAX_STEP_DIGITS
        if last in EPOCHS:
            self._line.epoch = Count(token.value, _whole(total))
        elif is_whole and (self._line.step is None or last == "global_step" or "global" in words):
            self._line.step = Count(int(token.value), _whole(total))
            self._line.is_batch = last in BATCHES
        self._note_phase(run[:-1])
        return is_whole or last in EPOCHS

    def _take_position(self, token: Token, total: float, place: int) -> None:
        is_count = token.value is not None and token.value.is_integer() and total > 1 and 0 <= token.value <= total
        if is_count and total.is_integer() and self._line.position is None and self._text(place - 1) != "/":
            self._line.position = Count(int(token.value or 0), int(total))

    # --- metrics -----------------------------------------------------------------------------------------

    def _take_metric(
        self, run: list[str], token: Token, total: float | None, unit: str | None, *, is_told: bool
    ) -> bool:
        """Take the number of a metric; whether it is one."""
        words, phase = self._name(run)
        if not words or token.value is None:
            return False
        name = _rate_name(words[-1]) or "_".join(words).lower()
        is_strong = is_strong_name(words[-1]) and (name not in AMBIGUOUS or _is_measured(token))
        if name in IGNORED or not (self._is_told(run, words, token) if is_told else self._is_meant(words[-1], token)):
            return False
        value = token.value
        if total is not None:
            if not is_strong or not total:
                return False
            value /= total
        factor, told = UNITS[unit] if unit else (1.0, token.unit)
        self._put(self._prefixed(name, phase), value * factor, told, is_strong=is_strong)
        return True

    @staticmethod
    def _is_told(run: list[str], words: list[str], token: Token) -> bool:
        """Whether words with a separator behind them name a number: a sentence does not, unless its end is known."""
        return len(run) <= _MAX_WORDS or (_is_vocabulary(words[-1]) and (words != run or _is_measured(token)))

    @staticmethod
    def _is_meant(word: str, token: Token) -> bool:
        """Whether a word and a number with nothing between them belong together: ``loss 0.42``, not ``using 4``."""
        return _is_vocabulary(word) and (_is_measured(token) or word.lower() in ("loss", "reward", "rewards"))

    def _name(self, run: list[str]) -> tuple[list[str], str | None]:
        """Return the words of a name and the phase among the words before the number."""
        words = [word.strip("-./'") for word in run]
        words = [word for word in words if word]
        if not words:
            return [], None
        if _is_vocabulary(words[-1]) and not (len(words) > 1 and words[-2].endswith("'s")):
            first = len(words) - 1
            while first and (
                _is_vocabulary(words[first - 1]) or words[first - 1].lower() in QUALIFIERS | PHASES.keys()
            ):
                first -= 1
            words = words[first:]
        if len(words) > 1 and words[-2].endswith("'s"):  # LightGBM: valid_1's auc
            return words[-1:], PHASES.get(_bare(words[-2]), _bare(words[-2]))
        phase = next((PHASES[word] for word in map(_bare, words[:-1]) if word in PHASES), None)
        words = [word for word in words[:-1] if _bare(word) not in PHASES] + words[-1:]
        self._set_phase(phase)
        return words, phase

    def _prefixed(self, name: str, phase: str | None) -> str:
        phase = phase or self._phase
        parts = _PART.split(name)
        return name if phase is None or parts[0] in PHASES or parts[-1] in PHASES else f"{phase}/{name}"

    def _put(self, name: str, value: float, unit: str | None, *, is_strong: bool) -> None:
        self._line.metrics.setdefault(name, value)
        self._line.is_strong = self._line.is_strong or is_strong
        if unit is not None:
            self._line.units.setdefault(name, unit)

    def _take_rate(self, token: Token) -> None:
        """Take a number without a name whose unit says what it is: ``4.5it/s``, ``1.5s/it``, ``2ms/step``."""
        text = self._text(self._place)
        counted, slash, per = text.partition("/")
        if not slash or token.value is None or self._kind(0) != "word":
            return
        rate, factor = _rate_name(text), 1.0
        if rate is None and text[0] in "kKM":
            rate, factor = _rate_name(text[1:]), UNITS[text[0]][0]
        if rate is not None:
            self._put(self._prefixed(rate, None), token.value * factor, None, is_strong=False)
        elif counted in TIME_UNITS and per in COUNTED and token.value > 0:
            seconds = token.value * UNITS[counted][0]
            self._put(self._prefixed(f"{COUNTED[per]}_per_second", None), 1 / seconds, None, is_strong=False)
        self._skip_rate()

    def _skip_rate(self) -> None:
        if self._kind(0) == "word" and "/" in self._text(self._place):
            self._place += 1

    # --- phases ------------------------------------------------------------------------------------------

    def _close(self) -> None:
        """The words before are no name of a number."""
        self._note_phase(self._run)
        self._run = []
        self._unit = None

    def _note_phase(self, run: list[str]) -> None:
        if _is_phase(run):
            self._set_phase(next(PHASES[word] for word in map(_bare, run) if word in PHASES))

    def _set_phase(self, phase: str | None) -> None:
        self._phase = phase or self._phase
        self._line.phase = self._line.phase or phase

    def _note_description(self, run: list[str]) -> None:
        """A bar that is described by other words than those of a training counts something else."""
        words = {_bare(word) for word in run}
        self._note_phase(run)
        self._is_foreign = not words <= STEPS | BATCHES | EPOCHS | NEUTRAL | PHASES.keys() | LOOPS


def _bare(word: str) -> str:
    return word.lower().strip("-_./'").removesuffix("'s")


def _is_step_word(word: str) -> bool:
    return word.lower() in STEPS or word.lower() in EPOCHS or word.lower() in BATCHES


def _is_phase(run: list[str]) -> bool:
    words = [_bare(word) for word in run]
    return any(word in PHASES for word in words) and all(word in PHASES or word in NEUTRAL for word in words)


def _is_vocabulary(word: str) -> bool:
    return is_strong_name(word) or bool(WEAK.intersection(_PART.split(word.lower()))) or _rate_name(word) is not None


def _rate_name(word: str) -> str | None:
    """Return how ``tokens/s`` and the like are named, ``None`` for other words."""
    counted, _, per = word.lower().partition("/")
    return f"{COUNTED[counted]}_per_second" if per in SECONDS and counted in COUNTED else None


def _is_measured(token: Token) -> bool:
    """Whether a number looks measured, not counted: it has a point, an exponent or a unit, or is no finite one."""
    return token.unit is not None or not token.text.lstrip("+-").replace(",", "").isdigit()


def _whole(total: float | None) -> int | None:
    return int(total) if total is not None and total.is_integer() and 0 < total < 2**53 else None
