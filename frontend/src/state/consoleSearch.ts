import { create } from "zustand";

/** What is searched in what the runs print; another run is searched for the same. */
export const useConsoleSearch = create<{ text: string }>(() => ({ text: "" }));

export function searchConsole(text: string): void {
  useConsoleSearch.setState({ text });
}
