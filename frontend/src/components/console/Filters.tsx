import type { LineFilter } from "../../live/lines";

interface FiltersProps {
  filter: LineFilter;
  ranks: readonly number[];
  onChange(filter: LineFilter): void;
}

const STREAMS = [
  [null, "ALL"],
  ["stdout", "OUT"],
  ["stderr", "ERR"],
] as const;
const LEVELS = [
  [null, "ANY"],
  [["warning", "error"], "WARN+"],
  [["error"], "ERROR"],
] as const;

/** Which lines are shown: of which stream, from which level on, of which process. */
export function Filters({ filter, ranks, onChange }: FiltersProps) {
  return (
    <>
      <fieldset className="seg" aria-label="Stream">
        {STREAMS.map(([stream, name]) => (
          <button
            key={name}
            type="button"
            title={stream ?? "both streams"}
            aria-pressed={filter.stream === stream}
            onClick={() => onChange({ ...filter, stream })}
          >
            {name}
          </button>
        ))}
      </fieldset>
      <fieldset className="seg" aria-label="Level">
        {LEVELS.map(([levels, name]) => (
          <button
            key={name}
            type="button"
            aria-pressed={filter.levels?.length === levels?.length}
            onClick={() => onChange({ ...filter, levels })}
          >
            {name}
          </button>
        ))}
      </fieldset>
      {ranks.length > 1 && (
        <fieldset className="seg" aria-label="Rank">
          {[null, ...ranks.slice(0, 16)].map((rank) => (
            <button
              key={rank ?? "all"}
              type="button"
              aria-pressed={filter.rank === rank}
              onClick={() => onChange({ ...filter, rank })}
            >
              {rank === null ? "ALL RANKS" : `R${rank}`}
            </button>
          ))}
        </fieldset>
      )}
    </>
  );
}
