import styles from "./RunDetails.module.css";

/** Changes that were in no commit when the run started, as `git diff` told them. */
export function Diff({ text }: { text: string | null }) {
  if (text === null) return null;
  return (
    <details className={styles.diff}>
      <summary>UNCOMMITTED CHANGES</summary>
      <pre>
        {text.split("\n").map((line, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the lines never change
          <span key={index} className={toneOf(line)}>
            {line}
            {"\n"}
          </span>
        ))}
      </pre>
    </details>
  );
}

function toneOf(line: string): string {
  if (line.startsWith("+++") || line.startsWith("---") || line.startsWith("diff ")) return "label";
  if (line.startsWith("@@")) return "info";
  return line.startsWith("+") ? "good" : line.startsWith("-") ? "bad" : "dim";
}
