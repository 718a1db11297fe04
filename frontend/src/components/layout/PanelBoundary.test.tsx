import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { PanelBoundary } from "./PanelBoundary";

afterEach(cleanup);

const state = { broken: true };

function Inside() {
  if (state.broken) throw new Error("no such column");
  return <p>drawn</p>;
}

test("a failure inside is told with its reason, leaves the rest alone and can be tried again", () => {
  vi.spyOn(console, "error").mockImplementation(() => undefined);
  state.broken = true;
  render(
    <>
      <PanelBoundary name="RUN LIST">
        <Inside />
      </PanelBoundary>
      <p>beside</p>
    </>,
  );
  expect(screen.getByRole("alert").textContent).toContain("no such column");
  expect(screen.getByText("beside")).toBeTruthy();
  state.broken = false;
  fireEvent.click(screen.getByRole("button", { name: "TRY AGAIN" }));
  expect(screen.getByText("drawn")).toBeTruthy();
});
