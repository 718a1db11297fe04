import { useZone } from "../../hooks/useZone";
import { bytes, dated, NOTHING, step as stepText, value } from "../../lib/format";
import type { Checkpoint } from "../../services/types";
import { Icon } from "../ui/Icon";
import { type Entry, KeyValue } from "../ui/KeyValue";
import { CheckpointActions } from "./CheckpointActions";
import styles from "./CheckpointCard.module.css";
import { metricOf, nameOf } from "./columns";

interface CheckpointCardProps {
  checkpoint: Checkpoint;
  onMarkBest(id: string): Promise<void>;
  onClose(): void;
}

/** Everything about one checkpoint. */
export function CheckpointCard({ checkpoint, onMarkBest, onClose }: CheckpointCardProps) {
  useZone();
  return (
    <aside className={styles.card} aria-label={nameOf(checkpoint)}>
      <div className={styles.head}>
        <b>{nameOf(checkpoint)}</b>
        {checkpoint.is_best && (
          <span className="good">
            <Icon name="star" /> BEST
          </span>
        )}
        <CheckpointActions checkpoint={checkpoint} onMarkBest={onMarkBest} />
        <button type="button" className={styles.close} aria-label="Close the details" onClick={onClose}>
          <Icon name="close" />
        </button>
      </div>
      <div className={styles.values}>
        <KeyValue
          label={`Values of ${nameOf(checkpoint)}`}
          sections={[
            { title: "FILE", entries: fileEntries(checkpoint) },
            { title: "METRICS", entries: metricEntries(checkpoint) },
            { title: "METADATA", entries: metadataEntries(checkpoint) },
          ].filter((section) => section.entries.length > 0)}
        />
      </div>
    </aside>
  );
}

function fileEntries(checkpoint: Checkpoint): Entry[] {
  return [
    { name: "path", value: checkpoint.filepath },
    { name: "step", value: stepText(checkpoint.step) },
    { name: "saved", value: dated(checkpoint.created_at) },
    { name: "size", value: bytes(checkpoint.size) },
    { name: "sha256", value: checkpoint.sha256 ?? NOTHING },
    { name: "verdict", value: checkpoint.verdict },
    { name: "id", value: checkpoint.id },
  ];
}

function metricEntries(checkpoint: Checkpoint): Entry[] {
  return Object.keys(checkpoint.metrics).map((name) => ({ name, value: value(metricOf(checkpoint, name)) }));
}

function metadataEntries(checkpoint: Checkpoint): Entry[] {
  return Object.entries(checkpoint.metadata).map(([name, raw]) => ({
    name,
    value: typeof raw === "string" ? raw : JSON.stringify(raw),
  }));
}
