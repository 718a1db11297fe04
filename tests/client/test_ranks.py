"""A process's place in a distributed training, and the run that its ranks share."""

import logging
import os
import subprocess
import sys

import pytest

from stepwire import TrainingMonitor
from stepwire.client import ranks
from stepwire.client.memory import MemoryTransport
from stepwire.client.ranks import MARK, read_place
from stepwire.client.settings import read_settings
from stepwire.errors import InvalidError

UUID = "e5dee33e-40ef-4dd0-87f3-96893c334ee6"
TORCHRUN = {  # as torchrun of torch 2.13 sets them
    "RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2", "GROUP_RANK": "0",
    "GROUP_WORLD_SIZE": "1", "MASTER_ADDR": "localhost", "MASTER_PORT": "33821", "TORCHELASTIC_RUN_ID": UUID,
    "TORCHELASTIC_RESTART_COUNT": "0", "TORCHELASTIC_MAX_RESTARTS": "0",
    "TORCHELASTIC_ERROR_FILE": f"/tmp/torchelastic_2e09dhzm/{UUID}_gmtszijy/attempt_0/1/error.json",
}  # fmt: skip
SRUN = {
    "SLURM_JOB_ID": "4711", "SLURM_STEP_ID": "0", "SLURM_PROCID": "3", "SLURM_NTASKS": "8", "SLURM_LOCALID": "1",
    "SLURM_STEP_NUM_TASKS": "8",
}  # fmt: skip
OPEN_MPI = {
    "OMPI_COMM_WORLD_RANK": "2", "OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_LOCAL_RANK": "0",
    "OMPI_COMM_WORLD_LOCAL_SIZE": "2", "PMIX_NAMESPACE": "prterun-node1-4242@1", "PMIX_RANK": "2",
}  # fmt: skip
MPICH = {"PMI_RANK": "1", "PMI_SIZE": "2", "MPI_LOCALRANKID": "1", "MPI_LOCALNRANKS": "2"}
MVAPICH = {
    "MV2_COMM_WORLD_RANK": "1", "MV2_COMM_WORLD_SIZE": "2", "MV2_COMM_WORLD_LOCAL_RANK": "1",
    "MV2_COMM_WORLD_LOCAL_SIZE": "2",
}  # fmt: skip
HOROVOD = {"HOROVOD_RANK": "1", "HOROVOD_SIZE": "2", "HOROVOD_LOCAL_RANK": "1", "HOROVOD_LOCAL_SIZE": "2"}
DEEPSPEED = {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1", "LOCAL_SIZE": "2", "MASTER_ADDR": "127.0.0.1"}
KUBEFLOW = {"RANK": "3", "WORLD_SIZE": "4", "MASTER_ADDR": "train-master-0", "MASTER_PORT": "23456"}


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """No run was made before, nothing warned, and no mark of another test is left."""
    monkeypatch.setattr(ranks, "_made", ranks.Counter())
    monkeypatch.setattr(ranks, "_has_warned", False)
    monkeypatch.setenv(MARK, "")


@pytest.mark.parametrize(
    ("environment", "rank", "size", "local", "launch"),
    [
        ({}, 0, 1, None, None),
        (TORCHRUN, 1, 2, 1, "torchrun"),
        (TORCHRUN | {"TORCHELASTIC_RUN_ID": "none"}, 1, 2, 1, "torchrun"),
        (TORCHRUN | {"TORCHELASTIC_RUN_ID": "100", "GROUP_WORLD_SIZE": "2", "WORLD_SIZE": "4"}, 1, 4, 1, None),
        (TORCHRUN | SRUN | {"TORCHELASTIC_RUN_ID": "100", "GROUP_WORLD_SIZE": "8", "WORLD_SIZE": "16"}, 1, 16, 1, "slurm"),
        (SRUN, 3, 8, 1, "slurm"),
        (SRUN | {"RANK": "3", "WORLD_SIZE": "8"}, 3, 8, None, "slurm"),
        (SRUN | {"PMI_RANK": "3", "PMI_SIZE": "8"}, 3, 8, None, "slurm"),
        (OPEN_MPI, 2, 4, 0, "pmix"),
        (OPEN_MPI | SRUN, 2, 4, 0, "pmix"),
        (MPICH, 1, 2, 1, "host"),
        (MPICH | {"PMI_SIZE": "4"}, 1, 4, 1, None),
        (MVAPICH, 1, 2, 1, "host"),
        (HOROVOD, 1, 2, 1, "host"),
        (DEEPSPEED, 1, 2, 1, "host"),
        (KUBEFLOW, 3, 4, None, None),
    ],
)  # fmt: skip
def test_each_launcher_tells_the_place(environment, rank, size, local, launch):
    """Rank, number of ranks and rank on the host, and whether all ranks know something that is theirs alone."""
    place = read_place(environment)
    assert (place.rank, place.world_size, place.local_rank) == (rank, size, local)
    assert (place.launch[0] if place.launch else None) == launch


@pytest.mark.parametrize(
    "environment",
    [
        SRUN | {"SLURM_STEP_NUM_TASKS": "1", "SLURM_PROCID": "0"},  # `srun --pty bash` in an allocation of 8
        SRUN | {"SLURM_STEP_ID": "4294967290"},  # an interactive step
        {name: value for name, value in SRUN.items() if name != "SLURM_STEP_ID"},  # a batch script
        {"SLURM_JOB_ID": "4711", "SLURM_NTASKS": "8"},  # a shell of `salloc`
        {"RANK": "2"},
        {"RANK": "2", "WORLD_SIZE": "2"},
        {"RANK": "-1", "WORLD_SIZE": "2"},
        {"RANK": "first", "WORLD_SIZE": "many"},
        {"RANK": "٣", "WORLD_SIZE": "9" * 5000},
        {"RANK": "", "WORLD_SIZE": ""},
    ],
)
def test_what_launched_nothing_is_rank_0_of_1(environment):
    """A scheduler's variables around a shell, and variables that make no sense, do not make a rank."""
    assert read_place(environment) == ranks.Place()


def test_a_notebook_in_an_allocation_is_rank_0_of_1(monkeypatch):
    """Even where it was started by srun."""
    monkeypatch.setitem(sys.modules, "ipykernel", os)
    assert read_place(SRUN) == ranks.Place()


def test_a_restart_by_torchrun_is_a_further_attempt_of_the_same_run():
    """The restart count is no part of the id."""
    first = read_settings("run", {}, TORCHRUN)
    ranks._made.clear()  # as in the new process
    again = TORCHRUN | {"TORCHELASTIC_RESTART_COUNT": "2", "MASTER_PORT": "4242"}
    second = read_settings("run", {}, again)
    assert (first.attempt, second.attempt) == (1, 3)
    assert first.run_id == second.run_id


def id_of(environment, name="run", **arguments):
    """The run id that a process with this environment finds first."""
    ranks._made.clear()
    return read_settings(name, arguments, environment).run_id


def test_ranks_of_a_launch_agree_and_others_do_not():
    """The same id on each rank; another one for another launch, name, project or further run of the process."""
    error_file = TORCHRUN["TORCHELASTIC_ERROR_FILE"].replace(UUID, "none")
    other = {"RANK": "0", "LOCAL_RANK": "0"}
    static = TORCHRUN | {"TORCHELASTIC_RUN_ID": "none", "TORCHELASTIC_ERROR_FILE": error_file}
    for one, same, another in (
        (TORCHRUN, TORCHRUN | other, TORCHRUN | {"TORCHELASTIC_RUN_ID": UUID.replace("e5", "e6")}),
        (static, static | {"TORCHELASTIC_ERROR_FILE": error_file.replace("/1/", "/0/")} | other,
         static | {"TORCHELASTIC_ERROR_FILE": error_file.replace("gmt", "xyz")}),
        (SRUN, SRUN | {"SLURM_PROCID": "0", "SLURM_LOCALID": "0"}, SRUN | {"SLURM_STEP_ID": "1"}),
        (SRUN, SRUN | {"SLURM_PROCID": "7", "SLURM_NODEID": "1"}, SRUN | {"SLURM_RESTART_COUNT": "1"}),
        (OPEN_MPI, OPEN_MPI | {"OMPI_COMM_WORLD_RANK": "0"}, OPEN_MPI | {"PMIX_NAMESPACE": "prterun-node1-4243@1"}),
    ):  # fmt: skip
        assert id_of(one) == id_of(same)
        assert len({id_of(one), id_of(another), id_of(one, "other"), id_of(one, project="other")}) == 4
        assert ranks.read_place(one).launch
        assert id_of(one) != read_settings("run", {}, one).run_id  # the second run of this name here
        assert id_of(one).startswith("run_")
        assert len(id_of(one)) == 36


def test_processes_with_one_parent_agree():
    """Ranks that a launcher started on one host find the same id by themselves; those of the next launch another."""
    code = "from stepwire.client.settings import read_settings; print(read_settings('run', {}).run_id)"
    launcher = (
        "import os, subprocess, sys\n"
        "for rank in '01':\n"
        "    environment = os.environ | {'PMI_RANK': rank, 'PMI_SIZE': '2', 'MPI_LOCALNRANKS': '2'}\n"
        f"    subprocess.run([sys.executable, '-c', {code!r}], env=environment, check=True)\n"
    )
    found = [
        subprocess.run([sys.executable, "-c", launcher], capture_output=True, text=True, check=True).stdout.split()
        for _ in range(2)
    ]
    assert len(found[0]) == len(found[1]) == 2
    assert len(set(found[0])) == len(set(found[1])) == 1
    assert set(found[0]) != set(found[1])


def test_a_program_that_a_rank_starts_is_no_rank():
    """It inherits the variables; the mark of the rank that has a monitor tells it so. A launch of its own counts."""
    ranks.mark(read_place(TORCHRUN).launch)
    marked = TORCHRUN | {MARK: os.environ[MARK].replace(str(os.getpid()), "1", 1)}
    assert read_place(TORCHRUN | {MARK: os.environ[MARK]}).rank == 1
    assert read_place(marked) == ranks.Place()
    assert read_place(marked | {"TORCHELASTIC_RUN_ID": UUID.replace("e5", "e6")}).rank == 1


# --- arguments -------------------------------------------------------------------------------------------


def test_arguments_win():
    """What the script says counts; 1 as world_size makes it a run of its own, and run_id one that all name."""
    said = read_settings("run", {"rank": 5, "world_size": 6}, TORCHRUN)
    assert (said.rank, said.world_size, said.joins) == (5, 6, True)
    alone = read_settings("run", {"world_size": 1}, TORCHRUN)
    assert (alone.rank, alone.joins, alone.launch) == (0, False, ())
    assert read_settings("run", {"run_id": "mine"}, TORCHRUN).run_id == "mine"
    assert read_settings("run", {}, TORCHRUN | {"STEPWIRE_RUN_ID": "ours"}).run_id == "ours"
    assert read_settings("run", {"run_id": "mine"}, {"STEPWIRE_RUN_ID": "ours"}).run_id == "mine"
    with pytest.raises(InvalidError, match="STEPWIRE_RUN_ID"):
        read_settings("run", {}, {"STEPWIRE_RUN_ID": "no id"})
    with pytest.raises(InvalidError, match="rank"):
        read_settings("run", {"rank": 2, "world_size": 2}, {})


def test_only_rank_0_owns():
    """The others join, whoever told them."""
    assert read_settings("run", {}, TORCHRUN).joins
    assert not read_settings("run", {}, TORCHRUN | {"RANK": "0"}).joins
    assert read_settings("run", {"rank": 1, "run_id": "run_1"}, {}).joins
    assert not read_settings("run", {"rank": 0, "run_id": "run_1"}, {}).joins


def test_tasks_of_a_slurm_array_share_a_group():
    """Each a run of its own, unless the script names another group."""
    tasks = [
        {"SLURM_ARRAY_JOB_ID": "99", "SLURM_ARRAY_TASK_ID": str(n), "SLURM_JOB_ID": str(100 + n)} for n in range(50)
    ]
    found = [read_settings("sweep", {}, task) for task in tasks]
    assert len({settings.run_id for settings in found}) == 50
    assert {settings.group for settings in found} == {"slurm-99"}
    assert read_settings("sweep", {"group": "mine"}, tasks[0]).group == "mine"


def test_the_config_names_the_job(monkeypatch):
    """Job, array and host stand in the config; what the script says there stays."""
    for name, value in {"SLURM_JOB_ID": "4711", "SLURM_ARRAY_JOB_ID": "99", "SLURM_ARRAY_TASK_ID": "7"}.items():
        monkeypatch.setenv(name, value)
    configs = []
    for config in ({"lr": 0.1}, {"slurm": "mine"}):
        transport = MemoryTransport()
        TrainingMonitor("run", config, transport=transport, system_metrics_interval=0).finish()
        configs.append(transport.records("config")[0]["config"])
    assert configs[0].pop("slurm").items() >= {"job_id": "4711", "array_job_id": "99", "array_task_id": "7"}.items()
    assert configs == [{"lr": 0.1}, {"slurm": "mine"}]


# --- what ranks log --------------------------------------------------------------------------------------


def rank_3(**arguments):
    """A monitor of rank 3 and its server in memory."""
    transport = MemoryTransport()
    arguments = {"rank": 3, "world_size": 4, "run_id": "run_1", "system_metrics_interval": 0, **arguments}
    return TrainingMonitor("test", transport=transport, **arguments), transport


class Untouchable:
    """A number that must not be read."""

    def __float__(self):
        raise AssertionError("read")

    item = __float__


def test_other_ranks_log_nothing_by_default(capsys):
    """Not even read: neither points, nor config, nor status, nor a line on the screen; steps count on."""
    monitor, transport = rank_3()
    monitor.define_metric("loss", goal="min")
    monitor.log_metrics({"loss": Untouchable()}, step=7)
    monitor.log_metrics({"loss": Untouchable()})
    assert monitor._run.metrics.last_step == 8
    with pytest.raises(TypeError, match="step"):
        monitor.log_metrics({"loss": 1}, step="x")
    monitor.finish()
    assert transport.stored == []
    assert capsys.readouterr().out == ""


def test_metrics_of_all_ranks_carry_the_rank_in_their_name():
    """Those that define_metric names, and no others, under a name of their own, with the definition."""
    monitor, transport = rank_3()
    monitor.log_metrics({"loss": 0.0, "time/step": 0.0}, step=0)
    monitor.define_metric("time/*", unit="s", rank="all")
    monitor.log_metrics({"loss": 0.5, "time": {"step": 0.25, "data": 0.125}}, step=1)
    monitor.finish()
    assert transport.metrics == [{"time/step/rank3": 0.25, "time/data/rank3": 0.125}]
    definition = transport.records("define_metric")[0]
    assert (definition["name"], definition["unit"], definition["rank"]) == ("time/*/rank3", "s", "all")


def test_per_rank_logs_everything_everywhere():
    """On rank 0 under plain names, on the others under their own."""
    monitor, transport = rank_3(per_rank=True)
    monitor.log_metrics({"loss": 0.5, "a": {"b": 1}})
    monitor.finish()
    assert transport.metrics == [{"loss/rank3": 0.5, "a/b/rank3": 1.0}]
    zero, transport = rank_3(per_rank=True, rank=0)
    zero.log_metrics({"loss": 0.5})
    zero.finish()
    assert transport.metrics == [{"loss": 0.5}]


def test_an_error_of_another_rank_is_told():
    """Its traceback is an event that names the rank; the status stays rank 0's to set."""
    monitor, transport = rank_3()
    with pytest.raises(ValueError, match="no data"), monitor:
        raise ValueError("no data")
    assert [record["type"] for record in transport.stored] == ["event"]
    assert transport.records("event")[0]["message"] == "rank 3: ValueError: no data"


def test_a_rank_that_belongs_nowhere_says_so_once_and_logs_nothing(monkeypatch, caplog):
    """Nothing names the common run: no stray run is made, and training goes on."""
    for name, value in KUBEFLOW.items():
        monkeypatch.setenv(name, value)
    transport = MemoryTransport()
    with caplog.at_level(logging.WARNING, "stepwire"):
        for _ in range(2):
            with TrainingMonitor("run", transport=transport) as monitor:
                monitor.log_metrics({"loss": 1})
                assert monitor.flush(0)
    assert transport.frames == []
    assert [record.message for record in caplog.records] == [
        "stepwire: rank 3 logs nothing, for nothing tells which run it shares with rank 0; "
        "give all ranks the same run_id=, or set STEPWIRE_RUN_ID for them."
    ]
    monkeypatch.setenv("RANK", "0")
    TrainingMonitor("run", transport=transport, system_metrics_interval=0).finish()
    assert transport.records("status")


def test_define_metric_takes_zero_or_all():
    """Another word is refused."""
    monitor, _ = rank_3()
    with pytest.raises(InvalidError, match="rank"):
        monitor.define_metric("loss", rank="some")
    monitor.finish()
