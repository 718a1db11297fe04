"""Packages by name and version."""

import importlib.metadata
import re

from stepwire.client.capture.packages import describe_python, list_packages


def test_the_packages_are_those_that_python_knows():
    """Reading names of folders finds the same packages and versions as reading all metadata does."""
    normal = {
        re.sub(r"[-_.]+", "-", found.metadata["Name"]).lower(): found.version
        for found in importlib.metadata.distributions()
    }
    assert list_packages() == dict(sorted(normal.items()))
    assert "msgspec" in normal


def test_the_first_package_of_a_name_counts(tmp_path):
    """As for ``import``; other files are passed over, and so are folders that are not there."""
    for name in ("a/Some_Pkg-1.0.dist-info", "a/old-2.1-py3.11.egg-info", "b/some.pkg-9.9.dist-info", "b/x.txt"):
        (tmp_path / name).mkdir(parents=True)
    path = [str(tmp_path / "a"), str(tmp_path / "b"), str(tmp_path / "none"), str(tmp_path / "c.zip")]
    assert list_packages(path) == {"old": "2.1", "some-pkg": "1.0"}


def test_python_is_told():
    """Version, implementation, program and system."""
    assert {"version", "implementation", "executable", "platform"} == describe_python().keys()
