import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

const ROOT = path.resolve(import.meta.dirname, "../../..");
const START_MS = 30_000;
const PREPARE_MS = 180_000;

/** A real server on a free port with a data folder of its own. */
export interface Server {
  /** Link of the page, token included when there is one. */
  link: string;
  /** Address without a slash at its end. */
  url: string;
  /** Its data folder. */
  data: string;
  /** End it as SIGTERM does, and remove a data folder that was made for it. */
  stop(): Promise<void>;
  /** End it without a word, as a power cut would; the data folder stays. */
  kill(): Promise<void>;
}

/** A real training script. */
export interface Training {
  id: string;
  process: ChildProcessWithoutNullStreams;
  /** Ask it to end as ctrl-C does, and wait. */
  interrupt(): Promise<void>;
  /** Wait for its end; the exit code. */
  ended: Promise<number | null>;
}

function python(): string {
  const own = path.join(ROOT, ".venv/bin/python");
  const found = process.env.STEPWIRE_PYTHON ?? (existsSync(own) ? own : null);
  if (found === null) throw new Error("No Python with Stepwire in it: run `make test`, or set STEPWIRE_PYTHON.");
  return found;
}

/** Start `stepwire up`; ready when it printed its link. */
export async function startServer(options: { port?: number; data?: string } = {}): Promise<Server> {
  const folder = options.data ?? (await mkdtemp(path.join(tmpdir(), "stepwire-e2e-")));
  const port = String(options.port ?? 0);
  const child = spawn(python(), ["-m", "stepwire", "up", "--port", port, "--no-browser", "--data", folder], {
    env: environment({}),
  });
  const link = await firstMatch(child, /https?:\/\/\S+/);
  const url = link.replace(/\/?(#.*)?$/, "");
  return {
    link,
    url,
    data: folder,
    kill: () => end(child, "SIGKILL"),
    stop: async () => {
      await end(child, "SIGTERM");
      if (options.data === undefined) await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Least squares by gradient descent, which logs each step until its steps are done or it is told to stop. */
const TRAINING = `
import os, random, sys, time
from stepwire import TrainingMonitor

steps, pause = int(os.environ["MOCK_STEPS"]), float(os.environ["MOCK_PAUSE"])
random.seed(7)
rows = [[random.gauss(0, 1) for _ in range(4)] for _ in range(64)]
truth = [0.5, -1.0, 2.0, 0.25]
targets = [sum(w * x for w, x in zip(truth, row)) + random.gauss(0, 0.05) for row in rows]
weights = [0.0] * 4
with TrainingMonitor(os.environ["MOCK_NAME"], config={"lr": 0.05, "batch": 16}, total_steps=steps) as monitor:
    print("RUN", monitor.run_id, flush=True)
    for step in range(steps):
        batch = random.sample(range(64), 16)
        rate = 0.05 * 0.999**step
        errors = [sum(w * x for w, x in zip(weights, rows[i])) - targets[i] for i in batch]
        gradient = [2 * sum(e * rows[i][k] for e, i in zip(errors, batch)) / 16 for k in range(4)]
        weights = [w - rate * g for w, g in zip(weights, gradient)]
        loss = sum(e * e for e in errors) / 16
        monitor.log_metrics({"loss": loss, "lr": rate, "grad_norm": sum(g * g for g in gradient) ** 0.5}, step=step)
        if monitor.should_stop:
            break
        time.sleep(pause)
`;

/** Start a real SDK process against a server; its run is known when this returns. */
export async function startMockTraining(
  server: Pick<Server, "url">,
  options: { name?: string; steps?: number; pauseSeconds?: number } = {},
): Promise<Training> {
  return startScript(server, TRAINING, {
    MOCK_NAME: options.name ?? "least-squares",
    MOCK_STEPS: String(options.steps ?? 3000),
    MOCK_PAUSE: String(options.pauseSeconds ?? 0.02),
  });
}

/** Start a script that prints `RUN` and its run's id at first. */
export async function startScript(
  server: Pick<Server, "url">,
  script: string,
  settings: Record<string, string> = {},
): Promise<Training> {
  const child = spawn(python(), ["-c", script], { env: environment({ STEPWIRE_URL: server.url, ...settings }) });
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  const id = (await firstMatch(child, /RUN (\S+)/)).replace("RUN ", "");
  return { id, process: child, ended, interrupt: () => end(child, "SIGINT") };
}

/** Make the runs of `prepared.py`; two of them are live until the result ends them. */
export async function prepareRuns(server: Pick<Server, "url">): Promise<{ end(): Promise<void> }> {
  const script = path.join(import.meta.dirname, "prepared.py");
  const child = spawn(python(), [script, "--live", "3600"], {
    cwd: await mkdtemp(path.join(tmpdir(), "stepwire-prepared-")),
    env: environment({ STEPWIRE_URL: server.url }),
    detached: true, // a group of its own, so that the live scripts end with it
  });
  await firstMatch(child, /READY/, PREPARE_MS);
  return {
    end: async () => {
      const gone = new Promise((resolve) => child.once("exit", resolve));
      process.kill(-(child.pid as number), "SIGTERM");
      await gone;
    },
  };
}

/** The environment of a child: this one's without any setting of Stepwire, and what the test adds. */
function environment(extra: Record<string, string>): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith("STEPWIRE_"));
  return { ...Object.fromEntries(kept), PYTHONUNBUFFERED: "1", ...extra };
}

/** The first part of a child's output that matches; fails with all it printed when it ends before. */
function firstMatch(child: ChildProcessWithoutNullStreams, wanted: RegExp, patience = START_MS): Promise<string> {
  let printed = "";
  return new Promise((resolve, reject) => {
    const fail = (why: string) => reject(new Error(`The process ${why}. It printed:\n${printed}`));
    const timer = setTimeout(() => fail("said nothing of use in time"), patience);
    const read = (chunk: Buffer) => {
      printed += chunk.toString();
      const found = wanted.exec(printed)?.[0];
      if (found === undefined || !/\s/.test(printed.slice(printed.indexOf(found) + found.length))) return;
      clearTimeout(timer);
      resolve(found);
    };
    child.stdout.on("data", read);
    child.stderr.on("data", (chunk: Buffer) => {
      printed += chunk.toString();
    });
    child.once("exit", (code) => {
      clearTimeout(timer);
      fail(`ended with code ${code}`);
    });
  });
}

async function end(child: ChildProcessWithoutNullStreams, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill(signal);
  const killer = setTimeout(() => child.kill("SIGKILL"), 10_000);
  await gone;
  clearTimeout(killer);
}
