import { expect, test } from "vitest";
import { anEvent } from "../fixtures";
import { detailOf, isNews } from "./levels";

const change = { old: "running", new: "crashed", health: "ok" };

test("the last lines that a run printed are shown as they were, and what the message says is left out", () => {
  const event = anEvent({
    event: "status_change",
    data: { ...change, process: "gone", log: ["step 148", "CUDA error"] },
  });
  expect(detailOf(event)).toBe('step 148\nCUDA error\n{\n "process": "gone"\n}');
});

test.each([
  [anEvent({ event: "status_change", data: change }), null],
  [anEvent(), null],
  [anEvent({ data: { host: null } }), null],
  [anEvent({ message: "one\ntwo" }), "one\ntwo"],
  [anEvent({ data: { size: 12, log: [{ text: "x" }] } }), '{"text":"x"}\n{\n "size": 12\n}'],
])("what fits the line is not said again", (event, detail) => expect(detailOf(event)).toBe(detail));

test("errors, alerts and changes of status are news", () => {
  const news = [
    { level: "error" },
    { event: "alert_fired" },
    { event: "status_change" },
    { level: "warning" },
  ] as const;
  expect(news.map((event) => isNews(anEvent(event)))).toEqual([true, true, true, false]);
});
