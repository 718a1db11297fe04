"""Limits of control groups, from files as the kernel writes them."""

from pathlib import Path

import pytest

from stepwire.system.cgroup import ControlGroups, Memory

V2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate"
V1 = """32 31 0:29 {root} /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 {root} /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
36 31 0:33 {root} /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset
41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw"""
GIB = 2**30


def machine(root: Path, mounts: str, own: str, files: dict) -> ControlGroups:
    """A machine as far as /proc and /sys tell of it; ``files`` are below ``/sys/fs/cgroup``."""
    known = {"proc/self/mountinfo": mounts + "\n", "proc/self/cgroup": own + "\n"}
    known |= {f"sys/fs/cgroup/{name}": f"{content}\n" for name, content in files.items()}
    for name, content in known.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return ControlGroups(root)


def test_a_container_of_version_2_sees_its_own_limits(tmp_path):
    """Files that can be dropped do not count as memory in use; a quota is a number of cores."""
    groups = machine(
        tmp_path,
        V2,
        "0::/",
        {
            "cgroup.events": "populated 1",
            "memory.max": 8 * GIB,
            "memory.current": 5 * GIB,
            "memory.stat": f"anon 1\nfile 2\nactive_file 3\ninactive_file {2 * GIB}",
            "cpu.max": "250000 100000",
            "cpu.stat": "usage_usec 7500000\nuser_usec 1",
            "cpuset.cpus.effective": "0-3,8",
        },
    )
    assert groups.is_container
    assert groups.memory() == Memory(8 * GIB, 3 * GIB)
    assert (groups.cores(), groups.cpu_seconds()) == (2.5, 7.5)
    assert groups.cpus() == {0, 1, 2, 3, 8}


def test_without_a_limit_nothing_is_told(tmp_path):
    """``max`` limits nothing; a container may go without."""
    groups = machine(
        tmp_path,
        V2,
        "0::/",
        {"cgroup.events": "populated 1", "memory.max": "max", "memory.current": 5, "cpu.max": "max 100000"},
    )
    assert groups.is_container
    assert (groups.memory(), groups.cores(), groups.cpu_seconds(), groups.cpus()) == (None, None, None, None)


def test_the_tightest_limit_on_the_way_up_counts(tmp_path):
    """A batch system limits the job, not the step; the job's usage is what counts then. The host is no container."""
    job = "system.slice/slurmstepd.scope/job_7"
    groups = machine(
        tmp_path,
        V2,
        f"0::/{job}/step_0/task_0",
        {
            f"{job}/memory.max": 4 * GIB,
            f"{job}/memory.current": 3 * GIB,
            f"{job}/memory.stat": "inactive_file 0",
            f"{job}/step_0/memory.max": 6 * GIB,
            f"{job}/step_0/memory.current": 1 * GIB,
            f"{job}/step_0/task_0/memory.max": "max",
            f"{job}/cpu.max": "400000 100000",
            f"{job}/cpu.stat": "usage_usec 1000000",
            f"{job}/step_0/cpu.max": "max 100000",
            f"{job}/step_0/cpu.stat": "usage_usec 5",
        },
    )
    assert not groups.is_container
    assert groups.memory() == Memory(4 * GIB, 3 * GIB)
    assert (groups.cores(), groups.cpu_seconds()) == (4.0, 1.0)


@pytest.mark.parametrize("own", ["/docker/abc", "/"])
def test_a_container_of_version_1_sees_its_own_limits(tmp_path, own):
    """Whether or not its group has a namespace of its own, the mount is the container."""
    groups = machine(
        tmp_path,
        V1.format(root=own),
        f"6:cpuset:{own}\n4:memory:{own}\n2:cpu,cpuacct:{own}\n0::/",
        {
            "memory/memory.limit_in_bytes": 2 * GIB,
            "memory/memory.usage_in_bytes": GIB,
            "memory/memory.stat": f"inactive_file 5\ntotal_inactive_file {GIB // 2}",
            "cpu,cpuacct/cpu.cfs_quota_us": 50000,
            "cpu,cpuacct/cpu.cfs_period_us": 100000,
            "cpu,cpuacct/cpuacct.usage": 3_000_000_000,
            "cpuset/cpuset.effective_cpus": "2,4-5",
            "unified/cgroup.procs": "",
        },
    )
    assert groups.is_container
    assert groups.memory() == Memory(2 * GIB, GIB // 2)
    assert (groups.cores(), groups.cpu_seconds()) == (0.5, 3.0)
    assert groups.cpus() == {2, 4, 5}


def test_a_machine_of_version_1_without_limits(tmp_path):
    """The huge number that stands for no limit is none; nor is a quota of -1."""
    groups = machine(
        tmp_path,
        V1.format(root="/"),
        "4:memory:/user/1000\n2:cpu,cpuacct:/\n0::/",
        {
            "memory/cgroup.sane_behavior": 0,
            "memory/memory.limit_in_bytes": 9223372036854771712,
            "memory/user/1000/memory.limit_in_bytes": 9223372036854771712,
            "cpu,cpuacct/cpu.cfs_quota_us": -1,
            "cpu,cpuacct/cpu.cfs_period_us": 100000,
            "unified/cgroup.procs": "",
        },
    )
    assert not groups.is_container
    assert (groups.memory(), groups.cores(), groups.cpu_seconds()) == (None, None, None)


def test_a_container_in_the_groups_of_its_host_is_known_by_name(tmp_path):
    """It sees the machine's root; its runtime named the group."""
    own = "kubepods.slice/kubepods-pod1.slice/cri-containerd-ab12.scope"
    groups = machine(
        tmp_path, V2, f"0::/{own}", {f"{own}/memory.max": GIB, f"{own}/memory.current": 7, f"{own}/memory.stat": ""}
    )
    assert groups.is_container
    assert groups.memory() == Memory(GIB, 7)


def test_a_group_out_of_sight_is_that_of_the_mount(tmp_path):
    """Paths that lead out of a namespace, or to a folder that is not there, mean the uppermost group in sight."""
    files = {"cgroup.events": "", "memory.max": GIB, "memory.current": 9, "memory.stat": ""}
    for folder, own in (("a", "0::/../../other"), ("b", "0::/system.slice/docker-9.scope")):
        assert machine(tmp_path / folder, V2, own, files).memory() == Memory(GIB, 9)


@pytest.mark.parametrize("files", [{}, {"memory.max": "", "cpu.max": "x", "cpuset.cpus.effective": ""}])
def test_what_is_missing_or_strange_limits_nothing(tmp_path, files):
    """No files, empty ones, and ones that nobody wrote yet."""
    groups = machine(tmp_path, V2 if files else "", "0::/" if files else "", files)
    assert (groups.memory(), groups.cores(), groups.cpu_seconds(), groups.cpus()) == (None, None, None, None)


def test_this_machine_can_be_read():
    """Whatever the tests run in: limits are positive or none."""
    groups = ControlGroups()
    memory, cores = groups.memory(), groups.cores()
    assert memory is None or 0 <= memory.used <= memory.limit
    assert cores is None or cores > 0
