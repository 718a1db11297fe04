import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { FirstRun } from "./FirstRun";
import { serverUrl, snippet } from "./snippet";

const copy = vi.hoisted(() => vi.fn(async () => true));
vi.mock("../ui/clipboard", () => ({ copyText: copy }));

afterEach(cleanup);

test("the lines to paste carry the server's own address, also below a proxy's prefix", () => {
  expect(serverUrl("http://127.0.0.1:8000/")).toBe("http://127.0.0.1:8000");
  expect(serverUrl("https://hub/user/me/proxy/8000/index.html#/runs/x")).toBe("https://hub/user/me/proxy/8000");
  expect(snippet("http://gpu:8123")).toContain('dashboard_url="http://gpu:8123"');
});

test("they are ten lines that need nothing but stepwire", () => {
  const lines = snippet("http://x")
    .split("\n")
    .filter((line) => line !== "");
  expect(lines).toHaveLength(10);
  expect(lines.filter((line) => /\bimport\b/.test(line))).toEqual(["from stepwire import TrainingMonitor"]);
});

test("the copy button copies them unchanged and says so", async () => {
  render(<FirstRun state="live" url="http://gpu:8123" />);
  fireEvent.click(screen.getByRole("button", { name: "Copy the lines" }));
  expect(copy).toHaveBeenCalledWith(snippet("http://gpu:8123"));
  expect(await screen.findByRole("button", { name: "COPIED" })).toBeTruthy();
});

test("the lamp waits while the server is there, and says so when it is not", () => {
  const { rerender } = render(<FirstRun state="live" url="http://x" />);
  expect(screen.getByRole("status").textContent).toBe("waiting for the first point…");
  rerender(<FirstRun state="offline" url="http://x" />);
  expect(screen.getByRole("status").textContent).toContain("does not answer");
});
