"""The environment variables that tell how a training was started and what it may use. No others are looked at."""

import re
from collections.abc import Mapping

from stepwire.client.document import clean
from stepwire.client.redaction import redact

_MAX_CHARACTERS = 2000
_SHOWN = re.compile(
    # which devices
    r"CUDA_VISIBLE_DEVICES|CUDA_DEVICE_ORDER|CUDA_LAUNCH_BLOCKING|CUBLAS_WORKSPACE_CONFIG|NVIDIA_VISIBLE_DEVICES"
    r"|HIP_VISIBLE_DEVICES|ROCR_VISIBLE_DEVICES|HSA_OVERRIDE_GFX_VERSION|GPU_DEVICE_ORDINAL"
    # how many threads
    r"|OMP_NUM_THREADS|OMP_PROC_BIND|MKL_NUM_THREADS|OPENBLAS_NUM_THREADS|NUMEXPR_NUM_THREADS|TOKENIZERS_PARALLELISM"
    # which process of how many
    r"|RANK|WORLD_SIZE|LOCAL_RANK|LOCAL_WORLD_SIZE|NODE_RANK|GROUP_RANK|ROLE_RANK|MASTER_ADDR|MASTER_PORT"
    r"|TORCHELASTIC_(RESTART_COUNT|MAX_RESTARTS|RUN_ID)|OMPI_COMM_WORLD_(RANK|SIZE|LOCAL_RANK|LOCAL_SIZE)"
    r"|PMI_(RANK|SIZE)|HOROVOD_(RANK|SIZE|LOCAL_RANK)"
    # which job
    r"|SLURM_(JOB_ID|JOB_NAME|JOB_PARTITION|JOB_NODELIST|JOB_NUM_NODES|ARRAY_\w+|NTASKS|PROCID|LOCALID|NODEID"
    r"|CPUS_PER_TASK|CPUS_ON_NODE|GPUS|GPUS_ON_NODE|JOB_GPUS|MEM_PER_NODE|MEM_PER_CPU|STEP_ID|RESTART_COUNT|CLUSTER_NAME)"
    r"|PBS_(JOBID|JOBNAME|QUEUE)|LSB_(JOBID|JOBNAME|QUEUE)|JOB_ID|SGE_TASK_ID|KUBERNETES_SERVICE_HOST|HOSTNAME"
    # how libraries behave
    r"|PYTORCH_\w+|TORCH_\w+|TORCHINDUCTOR_\w+|NCCL_\w+|GLOO_\w+|UCX_\w+|XLA_\w+|JAX_\w+|KERAS_\w+|ACCELERATE_\w+"
    r"|TF_(CPP_\w+|CUDNN_\w+|DETERMINISTIC_OPS|ENABLE_\w+|FORCE_GPU_ALLOW_GROWTH|GPU_\w+|NUM_\w+|XLA_FLAGS)"
    r"|DS_(ACCELERATOR|BUILD_\w+)|HF_HUB_OFFLINE|TRANSFORMERS_OFFLINE|HF_DATASETS_OFFLINE|PYTHONHASHSEED"
    # which Python
    r"|CONDA_DEFAULT_ENV|CONDA_PREFIX|VIRTUAL_ENV|PYTHONPATH|LD_PRELOAD"
)


def describe_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Return those of ``environment`` that are on the list, by name; what looks like a secret is hidden."""
    names = sorted(name for name in environment if _SHOWN.fullmatch(name))
    return {name: clean(str(redact(name, environment[name])), _MAX_CHARACTERS) for name in names}
