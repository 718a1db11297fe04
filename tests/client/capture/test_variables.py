"""Which environment variables are told."""

import pytest

from stepwire.client.capture.variables import describe_variables
from stepwire.client.redaction import HIDDEN


@pytest.mark.parametrize(
    "name",
    [
        "CUDA_VISIBLE_DEVICES",
        "SLURM_JOB_ID",
        "SLURM_ARRAY_TASK_ID",
        "RANK",
        "WORLD_SIZE",
        "OMP_NUM_THREADS",
        "PYTORCH_CUDA_ALLOC_CONF",
        "NCCL_DEBUG",
        "XLA_FLAGS",
        "CONDA_DEFAULT_ENV",
        "VIRTUAL_ENV",
    ],
)
def test_variables_on_the_list_are_told(name):
    """What decides over devices, processes and libraries is told with its value."""
    assert describe_variables({name: "7"}) == {name: "7"}


@pytest.mark.parametrize(
    "name",
    [
        "HF_TOKEN",
        "WANDB_API_KEY",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_PROFILE",
        "TF_VAR_db_password",
        "HOME",
        "PATH",
        "SSH_AUTH_SOCK",
        "MY_RANK",
        "RANKING",
        "slurm_job_id",
    ],
)
def test_no_other_variable_is_looked_at(name):
    """A list of what is told, not of what is not: an unknown variable stays where it is."""
    assert describe_variables({name: "canary"}) == {}


def test_a_secret_in_a_listed_variable_is_hidden():
    """The list trusts nobody's habits."""
    found = describe_variables({"TORCH_TOKEN": "canary", "PYTHONPATH": "https://me:canary@host/x", "JAX_X": "y" * 9000})
    assert found["TORCH_TOKEN"] == HIDDEN
    assert "canary" not in found["PYTHONPATH"]
    assert len(found["JAX_X"]) <= 2000
