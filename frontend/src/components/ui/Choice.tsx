import styles from "./Choice.module.css";

export interface Option {
  value: string;
  text: string;
}

export interface OptionGroup {
  title: string;
  options: readonly Option[];
}

interface ChoiceProps {
  label: string;
  value: string;
  /** Options without a title of their own stand first. */
  options?: readonly Option[];
  groups?: readonly OptionGroup[];
  onChoose(value: string): void;
  className?: string | undefined;
}

/** One of several, in as little place as a word. */
export function Choice({ label, value, options = [], groups = [], onChoose, className = "" }: ChoiceProps) {
  return (
    <select
      className={`${styles.choice} ${className}`}
      aria-label={label}
      title={label}
      value={value}
      onChange={(event) => onChoose(event.target.value)}
    >
      <Options options={options} />
      {groups.map((group) => (
        <optgroup key={group.title} label={group.title}>
          <Options options={group.options} />
        </optgroup>
      ))}
    </select>
  );
}

function Options({ options }: { options: readonly Option[] }) {
  return options.map(({ value, text }) => (
    <option key={value} value={value}>
      {text}
    </option>
  ));
}
