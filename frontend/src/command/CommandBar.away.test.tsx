import { render, screen, waitFor } from "@testing-library/react";
import { expect, test, vi } from "vitest";
import { aSelection } from "../components/fixtures";
import { CommandBar } from "./CommandBar";

const server = vi.hoisted(() => ({ tries: 0 }));

vi.mock("./CommandDesk", () => {
  server.tries += 1;
  if (server.tries === 1) throw new Error("the server is away");
  return { default: () => <p>desk again</p> };
});

test("functions that could not be loaded are asked for again", async () => {
  vi.useFakeTimers({ shouldAdvanceTime: true });
  render(<CommandBar run={null} runs={[]} selection={aSelection()} ready />);
  for (let tick = 0; tick < 4; tick++) await vi.advanceTimersByTimeAsync(2_000);
  await waitFor(() => expect(screen.getByText("desk again")).toBeTruthy());
  expect(server.tries).toBe(2);
  vi.useRealTimers();
});
