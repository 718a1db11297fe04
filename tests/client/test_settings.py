"""Arguments and environment variables of ``TrainingMonitor``."""

import pytest

from stepwire.client.settings import CAPTURES, read_settings, read_url, sync_command
from stepwire.errors import InvalidError


@pytest.mark.parametrize(
    ("url", "socket_url", "page_url"),
    [
        ("ws://localhost:8000", "ws://localhost:8000/ws", "http://localhost:8000"),
        ("http://localhost:8000/", "ws://localhost:8000/ws", "http://localhost:8000"),
        ("wss://example.org", "wss://example.org/ws", "https://example.org"),
        ("https://example.org/user/me/proxy/8000/", "wss://example.org/user/me/proxy/8000/ws", None),
        ("http://[::1]:8000", "ws://[::1]:8000/ws", "http://[::1]:8000"),
        ("http://me:secret@host:80", "ws://me:secret@host:80/ws", "http://host:80"),
    ],
)
def test_every_scheme_gives_socket_and_page(url, socket_url, page_url):
    """ws, wss, http and https work, a path prefix is kept, and the page's address holds no password."""
    assert read_url(url) == (socket_url, page_url or "https://example.org/user/me/proxy/8000")


@pytest.mark.parametrize(
    "url",
    ["localhost:8000", "ftp://host", "ws://", "ws://host:99999", "ws://a b", "", "http:///x", "ws://a?b=c", "ws://a#b"],
)
def test_an_unusable_address_is_misuse(url):
    """The error names the field that holds the address."""
    with pytest.raises(InvalidError) as caught:
        read_settings("run", {"dashboard_url": url or " "}, {})
    assert caught.value.field == "dashboard_url"


def test_a_token_may_come_with_its_newline_or_in_the_printed_link():
    """As the file ``token`` holds it, and as ``stepwire up`` prints it. An argument wins."""
    assert read_settings("run", {"api_key": "abc\n"}, {}).api_key == "abc"
    assert read_settings("run", {}, {"STEPWIRE_API_KEY": " abc "}).api_key == "abc"
    linked = read_settings("run", {"dashboard_url": "http://host:8000/#t=abc"}, {})
    assert (linked.api_key, linked.page_url) == ("abc", "http://host:8000")
    assert read_settings("run", {"dashboard_url": "http://host/#t=abc", "api_key": "d"}, {}).api_key == "d"
    assert read_settings("run", {"api_key": ""}, {"STEPWIRE_API_KEY": "abc"}).api_key == "abc"


@pytest.mark.parametrize("token", ["two words", "line\nline", "snowman \u2603"])
def test_what_cannot_be_a_token_is_named_and_not_shown(token):
    """It would break the request's header, and the library's error would print it."""
    with pytest.raises(InvalidError) as caught:
        read_settings("run", {"api_key": token}, {})
    assert caught.value.field == "api_key"
    assert token not in str(caught.value)


def test_a_wrong_link_is_shown_without_its_token():
    """Copied without its scheme, or with a password."""
    for url in ("host:8000/#t=swk_SECRET", "ftp://me:SECRET@host/#t=SECRET"):
        with pytest.raises(InvalidError, match="host") as caught:
            read_settings("run", {"dashboard_url": url}, {})
        assert "SECRET" not in str(caught.value)


def test_the_command_that_delivers_works_in_any_shell(tmp_path, monkeypatch):
    """It names folder and address where they are not the usual ones."""
    for variable in ("STEPWIRE_DIR", "STEPWIRE_URL"):
        monkeypatch.delenv(variable, raising=False)
    assert sync_command(read_settings("run", {})) == "stepwire sync"
    told = read_settings("run", {"dashboard_url": "ws://host:9"}, {"STEPWIRE_DIR": str(tmp_path / "a b")})
    assert sync_command(told) == f"stepwire sync --dir '{tmp_path}/a b' --to http://host:9"


def test_the_interval_of_samples_may_come_from_the_environment():
    """An argument wins over the variable, the variable over 5 s; 0 is off."""
    variable = "STEPWIRE_SYSTEM_METRICS_INTERVAL"
    assert read_settings("run", {}, {}).system_metrics_interval == 5.0
    assert read_settings("run", {}, {variable: ""}).system_metrics_interval == 5.0
    assert read_settings("run", {}, {variable: "0.5"}).system_metrics_interval == 0.5
    assert read_settings("run", {"system_metrics_interval": 0}, {variable: "9"}).system_metrics_interval == 0
    for bad in ("often", "-1", "nan", "inf"):
        with pytest.raises(InvalidError) as caught:
            read_settings("run", {}, {variable: bad})
        assert caught.value.field == variable


def test_a_bad_variable_is_named():
    """An address from the environment is blamed on its variable, not on an argument."""
    with pytest.raises(InvalidError, match="STEPWIRE_URL"):
        read_settings("run", {}, {"STEPWIRE_URL": "nonsense"})


def test_arguments_win_over_the_environment():
    """STEPWIRE_* apply where no argument is given, defaults where neither is."""
    environment = {
        "STEPWIRE_URL": "ws://a",
        "STEPWIRE_PROJECT": "p",
        "STEPWIRE_API_KEY": "k",
        "STEPWIRE_MODE": "disabled",
    }
    from_environment = read_settings("run", {}, environment)
    assert from_environment.page_url == "http://a"
    assert (from_environment.project, from_environment.api_key, from_environment.enabled) == ("p", "k", False)
    given = read_settings(
        "run", {"dashboard_url": "ws://b", "project": "q", "api_key": "l", "mode": "online"}, environment
    )
    assert (given.page_url, given.project, given.api_key, given.enabled) == ("http://b", "q", "l", True)
    default = read_settings("run", {}, {})
    assert (default.socket_url, default.project, default.enabled) == ("ws://localhost:8000/ws", "default", True)


@pytest.mark.parametrize(
    ("arguments", "error", "field"),
    [
        ({"run_id": "../etc"}, InvalidError, "run_id"),
        ({"run_id": "a" * 65}, InvalidError, "run_id"),
        ({"total_steps": 0}, InvalidError, "total_steps"),
        ({"total_steps": 2.5}, TypeError, "total_steps"),
        ({"rank": -1}, InvalidError, "rank"),
        ({"rank": True}, TypeError, "rank"),
        ({"tags": "one"}, TypeError, "tags"),
        ({"tags": ["ok", 3]}, TypeError, r"tags\[1\]"),
        ({"notes": 3}, TypeError, "notes"),
        ({"per_rank": "no"}, TypeError, "per_rank"),
        ({"system_metrics_interval": -1}, InvalidError, "system_metrics_interval"),
        ({"system_metrics_interval": float("nan")}, InvalidError, "system_metrics_interval"),
        ({"system_metrics_interval": "5"}, TypeError, "system_metrics_interval"),
        ({"mode": "on"}, InvalidError, "mode"),
        ({"project": "a\ud800"}, InvalidError, "project"),
        ({"group": "a\0b"}, InvalidError, "group"),
    ],
)
def test_misuse_names_the_argument(arguments, error, field):
    """Every argument that cannot be used raises at once, naming itself."""
    with pytest.raises(error, match=field):
        read_settings("run", arguments, {})


@pytest.mark.parametrize(
    ("name", "error"), [("", InvalidError), ("  ", InvalidError), ("x" * 257, InvalidError), (3, TypeError)]
)
def test_a_run_needs_a_name(name, error):
    """run_name is text of 1 to 256 characters."""
    with pytest.raises(error, match="run_name"):
        read_settings(name, {}, {})


@pytest.mark.parametrize(
    ("told", "argument", "captures"),
    [
        (None, None, CAPTURES),
        ("1", None, CAPTURES),
        ("0", None, set()),
        ("off", True, {"console"}),
        ("console, git", None, {"console", "git"}),
        ("console,git", False, {"git"}),
        (None, False, CAPTURES - {"console"}),
        ("Packages", True, {"packages", "console"}),
    ],
)
def test_what_is_captured_can_be_chosen(told, argument, captures):
    """The variable names the parts; the argument decides over the output."""
    environment = {} if told is None else {"STEPWIRE_CAPTURE": told}
    assert read_settings("x", {"capture_output": argument}, environment).captures == captures


@pytest.mark.parametrize(
    ("told", "argument", "error"), [("git,everything", None, InvalidError), ("1", "no", TypeError)]
)
def test_a_wrong_choice_of_captures_raises(told, argument, error):
    """A word that means nothing is told, and so is an argument that is no bool."""
    with pytest.raises(error, match=r"STEPWIRE_CAPTURE|capture_output"):
        read_settings("x", {"capture_output": argument}, {"STEPWIRE_CAPTURE": told})
