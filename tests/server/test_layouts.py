"""Layouts of the page: kept under a name, and never read by the server."""

from typing import Any
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

LAYOUT = {"version": 1, "tree": {"panels": ["runs", "lösses"], "active": "runs"}, "metrics": {}}


def save(client: TestClient, name: str, layout: Any = None) -> Any:
    """The answer to saving a layout."""
    return client.put(f"/api/layouts/{quote(name, safe='')}", json={"layout": LAYOUT if layout is None else layout})


@pytest.mark.parametrize("name", ["night shift", "a/b", "ä?#%", "x" * 64, "<img src=x>", "..."])
def test_a_layout_comes_back_by_its_name(client: TestClient, name: str) -> None:
    """Whatever the name holds: it is in the address and in the list as it was given."""
    saved = save(client, name)
    assert saved.status_code == 200, saved.text
    assert saved.json() == {"name": name, "layout": LAYOUT, "updated_at": saved.json()["updated_at"]}
    assert saved.json()["updated_at"].endswith("Z")
    assert client.get(f"/api/layouts/{quote(name, safe='')}").json() == saved.json()
    listed = client.get("/api/layouts").json()
    assert listed == {"layouts": [{"name": name, "updated_at": saved.json()["updated_at"]}]}


def test_saving_again_replaces(client: TestClient) -> None:
    """The newest stays, once."""
    save(client, "a")
    save(client, "a", {"version": 2})
    assert client.get("/api/layouts/a").json()["layout"] == {"version": 2}
    assert len(client.get("/api/layouts").json()["layouts"]) == 1


def test_layouts_are_listed_by_name(client: TestClient) -> None:
    """In the order that the page shows and counts them in."""
    for name in ["c", "a", "b"]:
        save(client, name)
    assert [one["name"] for one in client.get("/api/layouts").json()["layouts"]] == ["a", "b", "c"]


def test_a_deleted_layout_is_gone(client: TestClient) -> None:
    """And deleting it again says so."""
    save(client, "a")
    assert client.delete("/api/layouts/a").json() == {"name": "a", "deleted": True}
    for answer in [client.get("/api/layouts/a"), client.delete("/api/layouts/a")]:
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["field"] == "name"


@pytest.mark.parametrize("name", ["x" * 65, "a\tb", "a\x00b", "a\x7fb", "a\x85b", "..", "."])
def test_a_name_that_can_not_be_is_refused(client: TestClient, name: str) -> None:
    """Too long, with control characters, or what browsers read as a step in the address."""
    # As bytes: the client itself would take the steps.
    escaped = "".join(f"%{byte:02X}" for byte in name.encode())
    answer = client.put(f"/api/layouts/{escaped}", json={"layout": LAYOUT})
    assert answer.status_code == 422, answer.text
    assert answer.json()["field"] == "name"


@pytest.mark.parametrize("layout", [[], "a", 1, None])
def test_a_layout_is_an_object(client: TestClient, layout: Any) -> None:
    """Nothing else is kept."""
    answer = client.put("/api/layouts/a", json={"layout": layout})
    assert answer.status_code == 422
    assert answer.json()["field"] == "layout"


def test_a_body_without_a_layout_names_it(client: TestClient) -> None:
    """What is missing, and what is too much."""
    assert client.put("/api/layouts/a", json={}).json()["field"] == "layout"
    assert client.put("/api/layouts/a", json={"layout": {}, "x": 1}).json()["field"] == "x"


def test_a_layout_has_at_most_64_kib(client: TestClient) -> None:
    """Just below is kept, just above is refused."""
    assert save(client, "a", {"x": "y" * (64 * 1024 - 8)}).status_code == 200
    answer = save(client, "a", {"x": "y" * (64 * 1024 - 7)})
    assert answer.status_code == 413
    assert answer.json()["field"] == "layout"


def test_there_are_at_most_200_layouts(client: TestClient) -> None:
    """One that is there can still be saved."""
    for number in range(200):
        assert save(client, f"layout {number}", {}).status_code == 200
    answer = save(client, "one more", {})
    assert answer.status_code == 409
    assert answer.json()["field"] == "name"
    assert save(client, "layout 7").status_code == 200
