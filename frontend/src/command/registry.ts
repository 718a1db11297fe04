import type { Command } from "./command";
import { CHARTS } from "./functions/charts";
import { DETAILS } from "./functions/details";
import { RUNS } from "./functions/runs";
import { SCREEN } from "./functions/screen";
import { SHARE } from "./functions/share";
import { STEER } from "./functions/steer";

/** Every function of the command line, in the order of HELP: the one source for it, for keys and for the docs. */
export const COMMANDS: readonly Command[] = [...RUNS, ...CHARTS, ...DETAILS, ...STEER, ...SCREEN, ...SHARE];
