import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { aSelection } from "../components/fixtures";

vi.mock("./CommandDesk", () => ({
  default: ({ typed, sent }: { typed: string | null; sent: boolean }) => (
    <p>
      desk {JSON.stringify(typed)}
      {sent && " sent"}
    </p>
  ),
}));

beforeEach(() => vi.resetModules());
afterEach(cleanup);

/** Each time as on a page that has loaded nothing yet. */
async function show() {
  const { CommandBar } = await import("./CommandBar");
  render(<CommandBar run={null} runs={[]} selection={aSelection()} ready />);
}

test("the functions come when somebody is at the line, and what was typed is handed on", async () => {
  await show();
  fireEvent.keyDown(window, { key: "/" });
  const field = screen.getByRole("textbox");
  expect(document.activeElement).toBe(field);
  fireEvent.change(field, { target: { value: "at" } });
  fireEvent.keyDown(field, { key: "Enter" });
  expect((await screen.findByText(/desk/)).textContent).toBe('desk "at" sent');
});

test("they come by themselves after a while", async () => {
  vi.useFakeTimers({ shouldAdvanceTime: true });
  await show();
  expect(screen.queryByText(/desk/)).toBeNull();
  vi.advanceTimersByTime(2_000);
  await waitFor(() => expect(screen.getByText("desk null")).toBeTruthy());
  vi.useRealTimers();
});
