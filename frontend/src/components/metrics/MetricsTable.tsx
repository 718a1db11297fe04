/** Latest value of every metric of a run. */
export function MetricsTable(_props: { runId: string }) {
  return <table className="metrics-table" />;
}
