import { type ReactNode, useState } from "react";
import { type SystemRange, useSystemHistory } from "../../hooks/useSystemStatus";
import { bytes, duration, NOTHING, percent } from "../../lib/format";
import type { HostStatus, Run } from "../../services/types";
import { theme } from "../../styles/theme";
import { Bar } from "../ui/Bar";
import { Skeleton } from "../ui/Skeleton";
import { Gpus } from "./Gpus";
import { ResourceChart } from "./ResourceChart";
import styles from "./SystemStatus.module.css";
import { Trainers } from "./Trainers";

const RANGES: readonly [string, SystemRange][] = [
  ["NOW", "10m"],
  ["1H", "1h"],
  ["24H", "24h"],
];

interface SystemStatusProps {
  hosts: readonly HostStatus[];
  loading: boolean;
  error: string | null;
  runs: readonly Run[];
  onSelect(runId: string): void;
  /** What the host of the selected run did at the crosshair. */
  moment?: ReactNode;
  frame(about: ReactNode, controls: ReactNode, body: ReactNode): ReactNode;
}

/** What the machines do: the server's own, and those that train. */
export function SystemStatus({ hosts, loading, error, runs, onSelect, moment, frame }: SystemStatusProps) {
  const [range, setRange] = useState<SystemRange>("10m");
  const [chosen, setChosen] = useState<string | null>(null);
  const host = hosts.find((each) => each.host === chosen) ?? hosts[0];
  const controls = (
    <>
      {hosts.length > 1 && <Choice hosts={hosts} current={host?.host} onChoose={setChosen} />}
      <fieldset className="tabs" aria-label="History">
        {RANGES.map(([name, value]) => (
          <button key={value} type="button" aria-pressed={range === value} onClick={() => setRange(value)}>
            {name}
          </button>
        ))}
      </fieldset>
    </>
  );
  return frame(
    host && <About host={host} />,
    controls,
    host ? (
      <Host host={host} range={range} runs={runs} onSelect={onSelect} moment={moment} />
    ) : (
      <Nothing loading={loading} error={error} />
    ),
  );
}

function Nothing({ loading, error }: { loading: boolean; error: string | null }) {
  if (loading) return <Skeleton rows={8} label="system status" />;
  return <p className="empty">{error ?? "No host has told about itself yet."}</p>;
}

function Choice({
  hosts,
  current,
  onChoose,
}: {
  hosts: readonly HostStatus[];
  current?: string | undefined;
  onChoose(host: string): void;
}) {
  return (
    <select
      className={styles.choice}
      aria-label="Host"
      value={current}
      onChange={(event) => onChoose(event.target.value)}
    >
      {hosts.map((host) => (
        <option key={host.host}>{host.host}</option>
      ))}
    </select>
  );
}

function About({ host }: { host: HostStatus }) {
  const parts = [
    host.host,
    `${host.cores?.length ?? 0}c`,
    `${host.gpus?.length ?? 0} GPU`,
    host.uptime_seconds == null ? null : `up ${duration(host.uptime_seconds)}`,
  ];
  return <span className={`dim clip ${styles.about}`}>{parts.filter((part) => part !== null).join(" · ")}</span>;
}

interface HostProps {
  host: HostStatus;
  range: SystemRange;
  runs: readonly Run[];
  onSelect(runId: string): void;
  moment: ReactNode;
}

function Host({ host, range, runs, onSelect, moment }: HostProps) {
  const history = useSystemHistory(host.host, range);
  const gpus = host.gpus ?? [];
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reachable by keyboard
    <section className={styles.system} tabIndex={0} data-focus aria-label={`System status of ${host.host}`}>
      {moment}
      <Gauges host={host} />
      <Cores cores={host.cores ?? []} />
      <ResourceChart history={history} range={range} />
      {gpus.length > 0 && <Gpus gpus={gpus} />}
      <Trainers host={host.host} runs={runs} onSelect={onSelect} />
      {gpus.length === 0 && <p className={styles.note}>NO GPU ON THIS HOST</p>}
    </section>
  );
}

function Gauges({ host }: { host: HostStatus }) {
  const { disk, net } = host;
  return (
    <div className={styles.gauges}>
      <Gauge name="CPU" value={percent(host.cpu_percent)} unit="%" bar={host.cpu_percent}>
        {host.load == null ? null : `load ${host.load.toFixed(2)}`}
      </Gauge>
      <Gauge name="RAM" {...parted(bytes(host.memory_used))} bar={host.memory_percent}>
        {`of ${bytes(host.memory_total)}`}
      </Gauge>
      <Gauge name="DISK" {...parted(bytes(disk?.used))} bar={disk?.percent ?? null}>
        {disk ? `of ${bytes(disk.total)}` : null}
      </Gauge>
      <Gauge name="NET" {...parted(net ? `${bytes(net.received)}/s` : NOTHING)} bar={null}>
        {net ? `out ${bytes(net.sent)}/s` : null}
      </Gauge>
    </div>
  );
}

/** `11.04 GB` as figure and unit. */
function parted(text: string): { value: string; unit: string } {
  const [value = NOTHING, unit = ""] = text.split(" ");
  return { value, unit };
}

interface GaugeProps {
  name: string;
  value: string;
  unit: string;
  bar: number | null;
  children: ReactNode;
}

function Gauge({ name, value, unit, bar, children }: GaugeProps) {
  return (
    <div>
      <span className="label">{name}</span>
      <div className={styles.big}>
        <b>{value}</b> <small>{unit}</small>
      </div>
      {bar !== null && <Bar percent={bar} label={name} />}
      <small className={`dim clip ${styles.beside}`}>{children}</small>
    </div>
  );
}

/** One cell for each core, from dark green to red. */
function Cores({ cores }: { cores: readonly number[] }) {
  if (cores.length === 0) return null;
  const busiest = Math.max(...cores);
  return (
    <div className={styles.cores}>
      <span className="label">
        {cores.length} {cores.length === 1 ? "CORE" : "CORES"}
      </span>
      <div
        className={styles.board}
        role="img"
        aria-label={`Load of ${cores.length} cores, the busiest at ${percent(busiest)} percent`}
      >
        {cores.map((load, core) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a core is its number
          <i key={core} title={`core ${core}: ${percent(load)} %`} style={{ background: heat(load) }} />
        ))}
      </div>
    </div>
  );
}

function heat(load: number): string {
  const hot = load > 50;
  const [from, to] = hot ? [theme.warning, theme.bad] : [theme.barGood, theme.warning];
  const share = Math.round((hot ? load - 50 : load) * 2);
  const strength = Math.round(22 + load * 0.78);
  return `color-mix(in srgb, color-mix(in srgb, ${to} ${share}%, ${from}) ${strength}%, var(--track))`;
}
