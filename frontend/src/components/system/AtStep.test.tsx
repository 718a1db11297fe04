import { cleanup, render, screen } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import { AtStep } from "./AtStep";

afterEach(cleanup);

test("the host's load at the step is told, GPUs each", () => {
  const values = { cpu_percent: 41.5, "gpu/1/utilization": 93, "gpu/0/utilization": 7, "gpu/0/power": 600 };
  render(<AtStep host="trainer" moment={{ step: 600, time: 1_795_442_400_000_000, values }} />);
  const text = screen.getByRole("region", { name: "trainer at step 600" }).textContent;
  expect(text).toMatch(/AT STEP 600.*CPU 41\.5 %.*GPU 0 7\.0 %.*GPU 1 93\.0 %/);
});

test("a moment that nobody sampled is told so", () => {
  render(<AtStep host="trainer" moment={{ step: 1, time: 1, values: {} }} />);
  expect(screen.getByText("nobody sampled trainer then")).toBeTruthy();
});
