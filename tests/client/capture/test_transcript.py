"""Records of what is written to a stream."""

from stepwire.client.capture.allowance import LINES_AT_ONCE, LINES_PER_SECOND
from stepwire.client.capture.transcript import RECORD_BYTES, Transcript
from stepwire.client.redaction import HIDDEN, LineRedactor

SECOND = 1_000_000


def make(*secrets):
    """A transcript of standard output."""
    return Transcript("stdout", LineRedactor(secrets))


def lines_of(records):
    """All lines of some records."""
    return [line for record in records for line in record["lines"]]


def test_a_record_has_stream_time_and_lines():
    """Each line has the time when it was written."""
    transcript = make()
    transcript.feed(5, "one\n")
    transcript.feed(7, "two\n")
    assert transcript.take(9) == [{"type": "log", "time": 9, "stream": "stdout", "lines": [[5, "one"], [7, "two"]]}]


def test_records_have_a_bounded_size():
    """Much output makes many records, each about 16 KiB, in order."""
    transcript = make()
    transcript.feed(0, "".join(f"{number:0100}\n" for number in range(1000)))
    records = transcript.take(0)
    sizes = [sum(len(text) for _, text in record["lines"]) for record in records]
    assert len(records) > 5
    assert max(sizes) <= RECORD_BYTES
    assert [int(text) for _, text in lines_of(records)] == list(range(1000))


def test_what_is_written_over_counts_back_to_its_line():
    """The state of a bar says how many lines back the one is whose place it takes."""
    transcript = make()
    transcript.feed(0, "\r10%")
    assert lines_of(transcript.take(SECOND)) == [[0, "10%"]]
    transcript.feed(2 * SECOND, "\r20%")
    assert lines_of(transcript.take(3 * SECOND)) == [[2 * SECOND, "20%", 1]]


def test_secrets_and_escapes_do_not_get_into_a_record():
    """Known values, well-known forms and all that acts on a terminal are gone before anything is kept."""
    transcript = make("canary-value-1")
    transcript.feed(0, "a canary-value-1 \x1b]0;title\x07 --token hunter2 hf_abcdefgh12345678 \x07\n")
    [[_, text]] = lines_of(transcript.take(0))
    assert text == f"a {HIDDEN}  --token {HIDDEN} {HIDDEN} \\x07"


def test_a_private_key_is_hidden_line_by_line():
    """From its first line to its last nothing of a key is kept; what follows is."""
    transcript = make()
    transcript.feed(0, "key: -----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----\nnext\n")
    assert [text for _, text in lines_of(transcript.take(0))] == [f"key: {HIDDEN}", HIDDEN, HIDDEN, "next"]


def test_a_flood_is_cut_and_told_once():
    """Of more lines than may pass the first are kept; one line says how many were left out."""
    transcript = make()
    transcript.feed(0, "x\n" * (LINES_AT_ONCE + 500))
    lines = lines_of(transcript.take(0))
    assert len(lines) == LINES_AT_ONCE
    assert transcript.waits_until == SECOND
    assert lines_of(transcript.take(2 * SECOND)) == [
        [2 * SECOND, "[stepwire: 500 lines were left out: too much output at once]"]
    ]


def test_output_that_goes_on_too_fast_is_kept_in_part():
    """At ten times the rate a tenth is kept, and the notices add up to the rest."""
    transcript = make()
    lines = []
    for tick in range(400):
        transcript.feed(tick * SECOND // 4, "x\n" * (10 * LINES_PER_SECOND // 4))
        lines += lines_of(transcript.take(tick * SECOND // 4))
    lines += lines_of(transcript.take(100 * SECOND, everything=True))
    notices = [text for _, text in lines if text.startswith("[stepwire: ")]
    left_out = sum(int(text.split()[1].replace(",", "")) for text in notices)
    kept = len(lines) - len(notices)
    assert kept + left_out == 1000 * LINES_PER_SECOND
    assert kept <= LINES_AT_ONCE + 101 * LINES_PER_SECOND
    assert len(notices) <= 101


def test_bytes_are_limited_too():
    """Long lines use the bytes of a minute up before the lines of it."""
    transcript = make()
    for number in range(1000):
        transcript.feed(number, "y" * 10_000 + "\n")
    lines = lines_of(transcript.take(SECOND, everything=True))
    assert 400 < len(lines) < 500
    assert "left out" in lines[-1][1]


def test_a_bar_goes_on_where_lines_were_left_out_between():
    """What is left out is not counted back over."""
    transcript = make()
    transcript.feed(0, "\rbar 1%")
    assert lines_of(transcript.take(SECOND)) == [[0, "bar 1%"]]
    transcript.feed(SECOND, "\n" + "x\n" * (LINES_AT_ONCE + 10) + "\rnew 1%")
    transcript.take(SECOND)
    transcript.feed(3 * SECOND, "\rnew 2%")
    assert lines_of(transcript.take(3 * SECOND)) == [
        [3 * SECOND, "[stepwire: 10 lines were left out: too much output at once]"],
        [3 * SECOND, "new 2%"],
    ]
    transcript.feed(5 * SECOND, "\rnew 3%")
    assert lines_of(transcript.take(5 * SECOND)) == [[5 * SECOND, "new 3%", 1]]


def test_lines_that_never_came_are_told():
    """What was written faster than it could be heard is counted as well."""
    transcript = make()
    transcript.miss(0, 1234)
    assert lines_of(transcript.take(0)) == []
    assert lines_of(transcript.take(SECOND)) == [
        [SECOND, "[stepwire: 1,234 lines were left out: too much output at once]"]
    ]
