"""Whether this process is a notebook's kernel, and in which cell it is. Imports nothing of IPython."""

import sys
from collections.abc import Callable
from typing import Any


def kernel_shell() -> Any | None:
    """Return IPython's shell when this process is a Jupyter kernel, else ``None``."""
    get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", None)
    shell = None if get_ipython is None else get_ipython()
    return shell if getattr(shell, "kernel", None) is not None else None


def cell_number() -> int | None:
    """Return the number of the cell execution that runs now, which grows; ``None`` outside of a notebook."""
    shell = kernel_shell()
    return None if shell is None else int(getattr(shell, "execution_count", 0))


def on_cell_error(tell: Callable[[BaseException], None]) -> None:
    """Have ``tell`` called with each exception that ends a cell. IPython shows it, and no ``excepthook`` sees it."""
    shell = kernel_shell()
    if shell is None:
        return

    def look(result: Any) -> None:
        error = getattr(result, "error_in_exec", None)
        if isinstance(error, Exception):
            tell(error)

    shell.events.register("post_run_cell", look)
