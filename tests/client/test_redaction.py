"""Secrets stay on the training machine."""

import pytest

from stepwire.client.redaction import HIDDEN, environment_secrets, redact, redact_arguments, redact_text


@pytest.mark.parametrize(
    "name",
    [
        "token",
        "api_key",
        "hf_token",
        "OPENAI_API_KEY",
        "password",
        "db.passwd",
        "client-secret",
        "aws_secret_access_key",
    ],
)
def test_text_under_a_secret_name_is_hidden(name):
    """Names that people give to secrets hide their text."""
    assert redact(name, "whatever") == HIDDEN


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("num_tokens", 512),
        ("use_cls_token", True),
        ("cls_token", 101),
        ("key_dim", 64),
        ("tokenizer", "gpt2"),
        ("sort_key", "loss"),
        ("max_tokens", "1k"),
        ("secretary", "Ada"),
    ],
)
def test_ordinary_hyperparameters_stay(name, value):
    """Numbers, and names that merely contain such words, are shown as they are."""
    assert redact(name, value) == value


@pytest.mark.parametrize(
    "secret", ["hf_" + "a1B2" * 8, "sk-proj-" + "a1B2" * 8, "AKIA" + "Q" * 16, "ghp_" + "x" * 36, "swk_" + "a1b2" * 8]
)
def test_known_secrets_are_hidden_anywhere(secret):
    """A value that looks like a well-known key is hidden under any name, also inside a longer text."""
    assert secret not in redact("note", f"run with {secret} please")


def test_user_names_and_passwords_of_addresses_are_hidden():
    """What stands before the @ of an address is hidden, the address stays."""
    assert redact("database", "postgresql://me:pw@db/x") == f"postgresql://{HIDDEN}@db/x"


def test_command_lines_lose_their_secrets():
    """Both ways to give an option are recognised; the rest of the line stays."""
    line = ["train.py", "--lr=0.1", "--api-key=abc", "--token", "def", "--epochs", "3", "--hf-token", "--fast"]
    assert redact_arguments(line) == [
        "train.py", "--lr=0.1", f"--api-key={HIDDEN}", "--token", HIDDEN, "--epochs", "3", "--hf-token", "--fast",
    ]  # fmt: skip


@pytest.mark.parametrize("value", [["k1", "k2"], b"hunter2", {"a": "k"}, ("k",)])
def test_anything_under_a_secret_name_is_hidden(value):
    """Lists, bytes and dicts as well as text; empty ones and numbers tell nothing."""
    assert redact("api_key", value) == "[redacted]"
    assert redact("api_key", type(value)()) == type(value)()
    assert redact("num_tokens", 512) == 512
    assert redact("token", None) is None


@pytest.mark.parametrize("name", ["PGPASSWORD", "MYSQL_PWD", "DB_PASS", "dbPassword", "api_keys", "my-api-key"])
def test_usual_names_of_secrets_are_known(name):
    """The ones that databases use, too."""
    assert redact(name, "hunter2hunter2") == "[redacted]"
    assert environment_secrets({name: "hunter2hunter2"}) == ("hunter2hunter2",)


def test_folders_are_no_secrets():
    """PWD is where a shell stands."""
    assert environment_secrets({"PWD": "/home/somebody", "OLDPWD": "/home/somebody/else"}) == ()
    assert "hunter2" not in redact_text("+ PGPASSWORD=hunter2hunter2 psql")


def test_the_token_of_a_link_is_hidden():
    """As `stepwire up` prints it, with or without the scheme, in arguments and in the config."""
    link = "http://gpu:8000/#t=ourTeamToken_2024"
    assert redact_arguments(["train.py", "--url", link]) == ["train.py", "--url", f"http://gpu:8000/#t={HIDDEN}"]
    assert redact("dashboard_url", "gpu:8000/#t=ourTeamToken_2024") == f"gpu:8000/#t={HIDDEN}"
