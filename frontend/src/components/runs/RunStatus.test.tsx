import { cleanup, render } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import type { RunState } from "../../services/types";
import { RunStatus } from "./RunStatus";

afterEach(cleanup);

test.each<[RunState, string]>([
  ["running", "[● RUNNING]"],
  ["failed", "[✗ FAILED]"],
  ["crashed", "[✗ CRASHED]"],
  ["completed", "[✓ COMPLETED]"],
  ["interrupted", "[■ INTERRUPTED]"],
])("%s is exactly the text %s, whatever is drawn over it", (status, text) => {
  const { container } = render(<RunStatus status={status} />);
  expect(container.textContent).toBe(text);
  expect(container.querySelectorAll("svg")).toHaveLength(1);
});
