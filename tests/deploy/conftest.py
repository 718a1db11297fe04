"""Where the verifiers are."""

import shutil
from collections.abc import Callable

import pytest


@pytest.fixture
def verifier() -> Callable[[str, str], str]:
    """``verifier(program, package)``: its path; a missing one fails the test with the line that installs it."""

    def find(program: str, package: str) -> str:
        found = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")
        if found is None:
            pytest.fail(f"{program} is not installed: apt-get install {package}", pytrace=False)
        return found

    return find
