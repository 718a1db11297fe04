import styles from "./Icon.module.css";

const PATHS = {
  dot: "M5 1a4 4 0 1 0 0 8 4 4 0 0 0 0-8z",
  ok: "M1 5.2 2.4 3.8 4 5.4 7.8 1.4 9.2 2.8 4 8.2z",
  cross: "M1.2 2.6 2.6 1.2 5 3.6 7.4 1.2 8.8 2.6 6.4 5 8.8 7.4 7.4 8.8 5 6.4 2.6 8.8 1.2 7.4 3.6 5z",
  square: "M1.5 1.5h7v7h-7z",
  pause: "M1 1h3v8H1zM6 1h3v8H6z",
  star: "M5 .4 6.4 3.5 9.8 3.9 7.2 6.2 8 9.6 5 7.8 2 9.6 2.8 6.2.2 3.9 3.6 3.5z",
  up: "M5 1 9 8H1z",
  down: "M5 9 1 2h8z",
  right: "M2 1 9 5 2 9z",
  maximise: "M1 1h8v8H1zM2.2 3v4.8h5.6V3z",
  restore: "M3 0h7v7H8v3H0V3h3zM4.2 2v1H8v2.8h.8V2zM1.2 5v3.8h5.6V5z",
  close: "M1 1.8 1.8 1 5 4.2 8.2 1 9 1.8 5.8 5 9 8.2 8.2 9 5 5.8 1.8 9 1 8.2 4.2 5z",
} as const;

export type IconName = keyof typeof PATHS;

/** A mark drawn as a path, so that it never depends on what glyphs a font has. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg className={styles.icon} viewBox="0 0 10 10" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} fillRule="evenodd" />
    </svg>
  );
}
