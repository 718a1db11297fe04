import { lazy, Suspense, useState } from "react";
import { Dialog } from "../ui/Dialog";
import { Skeleton } from "../ui/Skeleton";

const load = () => import("./MetricPicker").then((file) => ({ default: file.MetricPicker }));
const MetricPicker = lazy(load);

interface PickerButtonProps {
  runId: string | null;
  chosen: readonly string[];
  onChoose(chosen: readonly string[]): void;
  /** In place of a plus. */
  label?: string;
}

/** Opens the choice of metrics. */
export function PickerButton({ runId, chosen, onChoose, label }: PickerButtonProps) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <button
        type="button"
        className="button"
        aria-label="Choose metrics"
        onFocus={() => void load()}
        onClick={() => setOpen(true)}
      >
        {label ?? "+"}
      </button>
      {open && (
        <Suspense fallback={<Loading onClose={() => setOpen(false)} />}>
          <MetricPicker runId={runId} chosen={chosen} onChange={onChoose} onClose={() => setOpen(false)} />
        </Suspense>
      )}
    </>
  );
}

/** The dialog is there at once, so that no key that is typed meanwhile goes to the page. */
function Loading({ onClose }: { onClose(): void }) {
  return (
    <Dialog title="METRICS" onClose={onClose}>
      <Skeleton rows={8} label="metrics" />
    </Dialog>
  );
}
