import { renderHook, waitFor } from "@testing-library/react";
import { beforeEach, expect, test, vi } from "vitest";
import { anEvent } from "../components/fixtures";
import { readView } from "../state/view";
import { useTurnTo } from "./useTurnTo";

const live = vi.hoisted(() => ({ GET: vi.fn(), names: vi.fn(() => ["train/loss", "cpu"]) }));

vi.mock("./LiveProvider", () => ({
  useLive: () => ({ client: { GET: live.GET }, feed: { latest: { names: live.names } } }),
}));

beforeEach(() => {
  window.location.hash = "#/runs/other?at=5";
  live.GET.mockReset();
});
const turn = () => renderHook(() => useTurnTo()).result.current;

test("an event with a step puts the crosshair there, in its run", () => {
  turn()(anEvent({ step: 309 }));
  expect(readView()).toMatchObject({ run: "run_1", at: 309 });
  expect(live.GET).not.toHaveBeenCalled();
});

test("one without a step puts it on the step that the run had reached by then", async () => {
  live.GET.mockResolvedValue({ data: { step: 148, time: 7 }, response: new Response() });
  turn()(anEvent({ time: 7 }));
  await waitFor(() => expect(readView()).toMatchObject({ run: "run_1", at: 148 }));
  expect(live.GET.mock.calls[0]?.[1]).toMatchObject({ params: { query: { key: "train/loss", time: 7 } } });
});

test("an event of no run leaves the view as it is", () => {
  turn()(anEvent({ run_id: null, step: 3 }));
  expect(readView()).toMatchObject({ run: "other", at: 5 });
});
