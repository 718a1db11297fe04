import type { HostAt } from "../../hooks/useHostAt";
import { bytes, clock, percent, step as stepText } from "../../lib/format";
import styles from "./AtStep.module.css";

/** What the run's host did at the crosshair's step, above what it does now. */
export function AtStep({ host, moment }: { host: string; moment: HostAt }) {
  const figures = figuresOf(moment.values);
  return (
    <section className={styles.at} aria-label={`${host} at step ${moment.step}`}>
      <span className={styles.when}>
        AT STEP {stepText(moment.step)} <span className="dim">{clock(moment.time).slice(0, 8)}</span>
      </span>
      {figures.length === 0 && <span className="dim">nobody sampled {host} then</span>}
      {figures.map(([name, text]) => (
        <span key={name}>
          <span className="label">{name}</span> <b className="value">{text}</b>
        </span>
      ))}
    </section>
  );
}

function figuresOf(values: Readonly<Record<string, number>>): [string, string][] {
  const found: [string, string][] = [];
  const add = (name: string, key: string, text: (value: number) => string) => {
    const value = values[key];
    if (value !== undefined) found.push([name, text(value)]);
  };
  const share = (value: number) => `${percent(value)} %`;
  add("CPU", "cpu_percent", share);
  add("RAM", "memory_percent", share);
  for (const key of Object.keys(values)
    .filter((name) => /^gpu\/\d+\/utilization$/.test(name))
    .sort()) {
    add(`GPU ${key.split("/")[1]}`, key, share);
  }
  add("NET", "net/received", (value) => `${bytes(value)}/s`);
  return found;
}
