import { bytes, NOTHING } from "../../lib/format";
import type { GpuStatus } from "../../services/types";
import { theme } from "../../styles/theme";
import { Bar } from "../ui/Bar";
import styles from "./SystemStatus.module.css";

const HOT_CELSIUS = 80;

/** One line for each GPU. */
export function Gpus({ gpus }: { gpus: readonly GpuStatus[] }) {
  return (
    <table className={styles.table} aria-label="GPUs">
      <thead>
        <tr>
          <th className={styles.index}>GPU</th>
          <th>UTIL</th>
          <th className={`number ${styles.small}`}>%</th>
          <th>MEM</th>
          <th className={`number ${styles.memory}`}>USED</th>
          <th className={`number ${styles.small}`}>°C</th>
          <th className={`number ${styles.small}`}>W</th>
        </tr>
      </thead>
      <tbody>
        {gpus.map((gpu) => (
          <Gpu key={gpu.index} gpu={gpu} />
        ))}
      </tbody>
    </table>
  );
}

function Gpu({ gpu }: { gpu: GpuStatus }) {
  const memory = gpu.memory_total ? ((gpu.memory_used ?? 0) / gpu.memory_total) * 100 : 0;
  const hot = (gpu.temperature ?? 0) >= HOT_CELSIUS;
  return (
    <tr title={gpu.name}>
      <td className="label">{gpu.index}</td>
      <td>
        <Bar percent={gpu.utilization ?? 0} label={`GPU ${gpu.index} utilisation`} colour={theme.barGood} />
      </td>
      <td className="number value">{whole(gpu.utilization)}</td>
      <td>
        <Bar percent={memory} label={`GPU ${gpu.index} memory`} colour={theme.barUsual} />
      </td>
      <td className="number value">{bytes(gpu.memory_used)}</td>
      <td className={`number ${hot ? "warning" : "value"}`}>{whole(gpu.temperature)}</td>
      <td className="number value">{whole(gpu.power)}</td>
    </tr>
  );
}

function whole(number: number | null | undefined): string {
  return number === null || number === undefined ? NOTHING : number.toFixed(0);
}
