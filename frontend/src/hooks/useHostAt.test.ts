import { expect, test } from "vitest";
import { valuesAt } from "./useHostAt";

const line = (x: number[], mean: (number | null)[]) => ({ x, mean, min: mean, max: mean });

test("of each line it is the sample nearest to the moment, whichever side it is on", () => {
  const lines = {
    cpu_percent: line([10, 20, 30], [1, 2, 3]),
    "gpu/0/utilization": line([10, 20, 30], [90, null, 91]),
    none: line([20], [null]),
  };
  expect(valuesAt(lines, 24)).toEqual({ cpu_percent: 2, "gpu/0/utilization": 91 });
  expect(valuesAt(lines, 0)).toEqual({ cpu_percent: 1, "gpu/0/utilization": 90 });
  expect(valuesAt({}, 24)).toEqual({});
});
