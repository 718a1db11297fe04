"""What a command line says: the run's name, its config."""

from typing import Any

import pytest

from stepwire.client.launch.arguments import config_of, name_of


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("python train.py --lr 1", "train.py"),
        ("python -u src/train.py", "train.py"),
        ("python3.12 -m package.train --x", "package.train"),
        ("torchrun --nproc-per-node 2 train.py", "train.py"),
        ("./train.sh", "train.sh"),
        ("Rscript fit.R", "fit.R"),
        ("julia --project fit.jl", "fit.jl"),
        ("/usr/local/bin/trainer --config a.yaml", "trainer"),
        ("python -c pass", "python"),
        ("/", "command"),
    ],
)
def test_the_name_is_the_scripts(line: str, name: str) -> None:
    """Else the module's, else the program's."""
    assert name_of(line.split()) == name


def test_a_name_fits() -> None:
    """It is cut to what a run can have."""
    assert len(name_of(["x" * 1000])) == 256


@pytest.mark.parametrize(
    ("line", "config"),
    [
        ("python train.py --lr 0.1 --epochs=3 --amp", {"lr": 0.1, "epochs": 3, "amp": True}),
        ("python train.py --lr -1e-3 --no-cuda --name run1", {"lr": -0.001, "no_cuda": True, "name": "run1"}),
        ("python train.py optimizer.lr=0.1 +model=big ++seed=7", {"optimizer.lr": 0.1, "model": "big", "seed": 7}),
        ("trainer -batch=8 -lr 0.1 -v", {"batch": 8}),
        ("trainer -learning-rate 0.1", {"learning_rate": 0.1}),
        ("python train.py --flag=true --other=False --empty=", {"flag": True, "other": False, "empty": ""}),
        ("torchrun --standalone --nproc-per-node=2 train.py --x 1", {"standalone": True, "nproc_per_node": 2, "x": 1}),
        ("python -c x=1", {}),
        ("python train.py data.txt 7", {}),
        ("python train.py --id 00012345678901234567", {"id": 12345678901234567.0}),
        ("python train.py --", {}),
    ],
)
def test_options_are_the_config(line: str, config: dict[str, Any]) -> None:
    """Numbers are numbers, an option without a value is true."""
    assert config_of(line.split()) == config
