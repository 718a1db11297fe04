#!/bin/sh
# Prints a Python of the version that is named (3.13), from PATH or pyenv; fails when there is none.
for python in "python$1" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$1"*/bin/python; do
	if "$python" -c 'pass' 2>/dev/null; then
		command -v "$python"
		exit 0
	fi
done
exit 1
