import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { aCommand, aRun, aSelection } from "../fixtures";
import { Actions, type ActionsProps } from "./Actions";
import { courseOf } from "./menu";

vi.mock("../../hooks/useLiveValue", () => ({
  useMetricNames: () => ["loss"],
  useLatest: () => ({ value: 0.5, step: 120, time: 0, previous: null }),
}));

beforeEach(() => {
  // jsdom has no modal dialogs.
  HTMLDialogElement.prototype.showModal = function open() {
    this.open = true;
  };
  HTMLDialogElement.prototype.close = function close() {
    this.open = false;
  };
});
afterEach(cleanup);

function show(changes: Partial<ActionsProps> = {}) {
  const run = aRun({ number: 12, name: "digits" });
  const props: ActionsProps = {
    run,
    runs: [run],
    selection: aSelection({ selected: run.id, compared: [run.id] }),
    commands: [],
    checkpoints: 3,
    paused: false,
    error: null,
    onStop: vi.fn(async () => undefined),
    onDelete: vi.fn(async () => undefined),
    onCopyLink: vi.fn(async () => true),
    onPause: vi.fn(),
    compare: { alone: vi.fn(), together: vi.fn() },
    ...changes,
  };
  render(<Actions {...props} />);
  return props;
}

const enabled = () =>
  [...document.querySelectorAll<HTMLButtonElement>("ol button")].flatMap((button, index) =>
    button.getAttribute("aria-disabled") === "true" ? [] : [index + 1],
  );
const menu = () => document.querySelector("ol") as HTMLElement;
const confirmWith = (text: string) => fireEvent.change(screen.getByRole("textbox"), { target: { value: text } });

test("a running run can be stopped, but not deleted", () => {
  show();
  expect(enabled()).toEqual([1, 3, 4]);
});

test("an ended run can be deleted, but not stopped", () => {
  show({ run: aRun({ status: "completed" }) });
  expect(enabled()).toEqual([3, 4, 5]);
});

test("without a run only the live view can be paused", () => {
  show({ run: null });
  expect(enabled()).toEqual([4]);
});

test("a run that was asked to stop is not asked again before it answered", () => {
  show({ commands: [aCommand({ state: "delivered" })] });
  expect(enabled()).toEqual([3, 4]);
});

test("stop asks for the run's number first", async () => {
  const props = show();
  fireEvent.keyDown(menu(), { key: "1" });
  const button = screen.getByRole<HTMLButtonElement>("button", { name: "STOP" });
  expect(button.disabled).toBe(true);
  confirmWith("R1");
  expect(button.disabled).toBe(true);
  confirmWith("r12");
  fireEvent.click(button);
  await waitFor(() => expect(props.onStop).toHaveBeenCalledOnce());
  await waitFor(() => expect(screen.queryByRole("textbox")).toBeNull());
});

test("delete says what is lost, and stays open with the reason when it is refused", async () => {
  const run = aRun({ number: 12, status: "failed", step: 900 });
  show({ run, onDelete: vi.fn().mockRejectedValue(new Error("The disk is full.")) });
  fireEvent.keyDown(menu(), { key: "5" });
  expect(screen.getByRole("dialog").textContent).toContain("3 checkpoints; their files stay");
  expect(screen.queryByRole("textbox")).toBeNull();
  const button = screen.getByRole("button", { name: "DELETE" });
  expect(document.activeElement).toBe(button);
  fireEvent.click(button);
  expect((await screen.findByRole("alert")).textContent).toBe("The disk is full.");
});

test("a run with others beside it is drawn alone or with them", () => {
  const run = aRun();
  const runs = [run, aRun({ id: "run_2", number: 2 })];
  const alone = show({ run, runs });
  fireEvent.keyDown(menu(), { key: "2" });
  expect(alone.compare.together).toHaveBeenCalledOnce();
  cleanup();
  const several = show({ run, runs, selection: aSelection({ selected: run.id, compared: ["run_1", "run_2"] }) });
  fireEvent.click(screen.getByRole("button", { name: /DRAW THIS RUN ALONE/ }));
  expect(several.compare.alone).toHaveBeenCalledOnce();
});

test("digits of actions that do not apply do nothing", () => {
  const props = show({ run: null });
  for (const key of ["1", "2", "3", "5", "9", "x"]) fireEvent.keyDown(menu(), { key });
  expect(screen.queryByRole("dialog")).toBeNull();
  expect(props.onCopyLink).not.toHaveBeenCalled();
});

test("a command's course tells how far it got and at which step", () => {
  expect(courseOf(aCommand({ state: "acknowledged", step: 1480 }))).toBe(
    "SENT → DELIVERED → ACKNOWLEDGED at step 1,480",
  );
  expect(courseOf(aCommand({ state: "refused" }))).toBe("SENT → REFUSED");
});
