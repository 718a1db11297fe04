/** A machine that is the same on all days, in place of the one that the tests run on. */

export const MINUTE = 60_000;

/** The moment at which pages look at it. */
export const NOW = Date.UTC(2026, 10, 23, 15, 0, 0);

export const GIVEN_NAME = "trainer-07";
export const VERSION = { version: "0.0.0", api: 1, protocol: 1, python: "3.12.0", sqlite: "3.45.0" };
export const ENVIRONMENT = {
  attempt: 1,
  time: NOW * 1000,
  command: ["train.py", "--lr", "0.001"],
  folder: "/home/ada/digits",
  python: "3.12.0",
  packages: { numpy: "2.1.0", torch: "2.9.0" },
  variables: {},
  git: { commit: "3f1c9e2", branch: "main", dirty: false },
  hardware: { cpu: "AMD EPYC 9654", cores: 96 },
};

const GIB = 2 ** 30;

export const HOST = {
  host: GIVEN_NAME,
  time: NOW * 1000,
  cpu_percent: 41.5,
  cores: [83, 12, 96, 40, 22, 61, 9, 30],
  cpu_count: 8,
  load: 3.2,
  memory_percent: 38.2,
  memory_used: 48.9 * GIB,
  memory_total: 128 * GIB,
  swap_used: 0,
  swap_total: 0,
  container: false,
  uptime_seconds: 86_400,
  disk: { used: 420 * GIB, total: 1000 * GIB, percent: 42, read: 0, written: 1_048_576 },
  net: { sent: 1200, received: 800 },
  gpus: [gpu(0, 97, 71), gpu(1, 42, 63)],
  runs: [],
};

function gpu(index: number, utilization: number, temperature: number) {
  return {
    index,
    name: "NVIDIA H100 80GB HBM3",
    utilization,
    memory_utilization: utilization / 2,
    memory_used: 61 * GIB,
    memory_total: 80 * GIB,
    temperature,
    power: 6 * utilization,
    power_limit: 700,
    sm_clock: 1755,
    memory_clock: 2619,
    throttle: [],
    ecc_corrected: 0,
    ecc_uncorrected: 0,
    processes: [{ pid: 4711, memory: 61 * GIB }],
    mig: false,
    lost: false,
  };
}

/** The last ten minutes: loads that go up and down. */
export function hostHistory() {
  const x = Array.from({ length: 120 }, (_, place) => (NOW - 10 * MINUTE + place * 5_000) * 1000);
  const wave = (middle: number, height: number) => {
    const mean = x.map((_, place) => middle + height * Math.sin(place / 7));
    return { x, mean, min: mean, max: mean };
  };
  const series = {
    cpu_percent: wave(41, 20),
    memory_percent: wave(38, 4),
    "net/received": wave(700, 300),
    "gpu/0/utilization": wave(90, 7),
    "gpu/1/utilization": wave(40, 12),
  };
  return { host: GIVEN_NAME, x: "time", series };
}
