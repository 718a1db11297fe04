"""Samples of a host, its GPUs and its processes, for SDK and server. psutil and GPU libraries load on first use."""

from stepwire.system.identity import host_name, installation_id, process_space, process_start

__all__ = ["host_name", "installation_id", "process_space", "process_start"]
