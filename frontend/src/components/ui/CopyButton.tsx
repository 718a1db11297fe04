import { useEffect, useState } from "react";
import { copyText } from "./clipboard";

interface CopyButtonProps {
  text: string;
  children: string;
  label?: string;
}

const SHOWN_MS = 1_500;

/** Copies a text and says so. */
export function CopyButton({ text, children, label }: CopyButtonProps) {
  const [outcome, setOutcome] = useState<string | null>(null);
  useEffect(() => {
    if (outcome === null) return;
    const timer = setTimeout(() => setOutcome(null), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [outcome]);
  const copy = async () => setOutcome((await copyText(text)) ? "COPIED" : "NOT ALLOWED");
  return (
    <button
      type="button"
      className={`button ${outcome === "COPIED" ? "go" : ""}`}
      aria-label={outcome ?? label}
      onClick={(event) => {
        event.stopPropagation();
        void copy();
      }}
    >
      {outcome ?? children}
    </button>
  );
}
