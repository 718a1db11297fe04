import { bind } from "../bindings";
import type { Call, Command, Context, PanelPlace, Screen, Side } from "../command";
import { CommandError } from "../command";

const TYPES = ["chart", "grid", "console", "table", "note"];
const ALL_TYPES = [...TYPES, "runs", "system", "events", "loss", "rate", "config", "checkpoints", "actions"];
const SIDES: Readonly<Record<string, Side>> = {
  LEFT: "left",
  RIGHT: "right",
  TOP: "top",
  UP: "top",
  BOTTOM: "bottom",
  DOWN: "bottom",
  TAB: "tab",
};

/** The panel of a number or name that was typed; the one in use when none was. */
function panelOf(word: string | undefined, { screen }: Context): PanelPlace {
  const panels = screen.panels();
  const active = panels.find((panel) => panel.id === screen.active());
  const found =
    word === undefined
      ? active
      : panels.find(
          (panel) =>
            String(panel.number) === word ||
            panel.id === word.toLowerCase() ||
            panel.title.toLowerCase() === word.toLowerCase(),
        );
  if (found === undefined) throw new CommandError(`There is no panel ${word ?? "in use"}: 1 to ${panels.length}.`);
  return found;
}

const numbers = (_: readonly string[], { screen }: Context) => screen.panels().map((panel) => String(panel.number));

function onPanel(act: (panel: string, context: Context) => void) {
  return ({ args }: Call, context: Context): undefined => {
    act(panelOf(args[0], context).id, context);
    return undefined;
  };
}

export const SCREEN: readonly Command[] = [
  {
    name: "G",
    usage: "<panel>",
    does: "go to a panel by its number or name",
    group: "SCREEN",
    key: "g 1…9",
    complete: numbers,
    go: onPanel((panel, { screen }) => screen.show(panel)),
  },
  {
    name: "MAX",
    also: ["MAXIMISE", "MAXIMIZE"],
    usage: "[panel]",
    does: "let a panel fill the screen, and back",
    group: "SCREEN",
    key: "m",
    complete: numbers,
    go: onPanel((panel, { screen, view }) => screen.maximise(view().maximised === panel ? null : panel)),
  },
  {
    name: "OPEN",
    usage: "<type>",
    does: `open a panel: ${TYPES.join(", ")}, or one that was closed`,
    group: "SCREEN",
    complete: () => ALL_TYPES,
    go: ({ args: [word] }, { screen }) => {
      const type = word?.toLowerCase() ?? "";
      if (!ALL_TYPES.includes(type)) throw new CommandError(`OPEN takes a type: ${ALL_TYPES.join(", ")}.`);
      screen.show(screen.open(type));
      return undefined;
    },
  },
  {
    name: "CLOSE",
    usage: "[panel]",
    does: "close a panel; OPEN brings it back",
    group: "SCREEN",
    complete: numbers,
    go: onPanel((panel, { screen }) => screen.close(panel)),
  },
  {
    name: "MOVE",
    usage: "[panel] <LEFT|RIGHT|TOP|BOTTOM|TAB> [beside]",
    does: "move a panel, beside another one or to the edge",
    group: "SCREEN",
    complete: () => Object.keys(SIDES),
    go: ({ args }, context) => {
      const at = args.findIndex((word) => word.toUpperCase() in SIDES);
      const side = SIDES[args[at]?.toUpperCase() ?? ""];
      if (side === undefined) throw new CommandError("MOVE takes a side: MOVE 4 RIGHT 6.");
      const panel = panelOf(at > 0 ? args[0] : undefined, context);
      const target = args[at + 1];
      context.screen.move(panel.id, side, target === undefined ? undefined : panelOf(target, context).id);
      context.screen.show(panel.id);
      return undefined;
    },
  },
  {
    name: "WIN",
    usage: "[panel]",
    does: "pop a panel out into a window of its own",
    group: "SCREEN",
    complete: numbers,
    go: onPanel((panel, { screen }) => screen.popOut(panel)),
  },
  {
    name: "LAYO",
    also: ["LAYOUT"],
    usage: "[name|3X3|SAVE name|DEL name|FILE]",
    does: "load a saved layout; 3X3 is the default",
    group: "SCREEN",
    changes: true,
    complete: () => ["3X3", "SAVE", "DEL", "FILE"],
    go: ({ args }, context) => layout(args, context),
  },
  {
    name: "THEME",
    usage: "<DARK|LIGHT>",
    does: "dark for the day, light for paper",
    group: "SCREEN",
    complete: () => ["DARK", "LIGHT"],
    go: ({ args: [word] }, { prefer }) => preferred("theme", word, ["DARK", "LIGHT"], prefer),
  },
  {
    name: "PAL",
    usage: "<SPEC|SAFE>",
    does: "colours of the runs: the specification's, or safe for the colour-blind (Okabe-Ito)",
    group: "SCREEN",
    complete: () => ["SPEC", "SAFE"],
    go: ({ args: [word] }, { prefer }) => preferred("palette", word, ["SPEC", "SAFE"], prefer),
  },
  {
    name: "ROWS",
    usage: "<19|24|28>",
    does: "height of rows in pixels",
    group: "SCREEN",
    complete: () => ["19", "24", "28"],
    go: ({ args: [word] }, { prefer }) => preferred("rows", word, ["19", "24", "28"], prefer),
  },
  {
    name: "TZ",
    usage: "<UTC|LOCAL>",
    does: "time zone of all times on the screen",
    group: "SCREEN",
    complete: () => ["UTC", "LOCAL"],
    go: ({ args: [word] }, { prefer }) => preferred("zone", word, ["UTC", "LOCAL"], prefer),
  },
  {
    name: "KEY",
    usage: "<key> [line]",
    does: "let a key stand for a line: KEY q CKPT; without a line it is free",
    group: "SCREEN",
    changes: true,
    go: ({ args: [key], text }) => {
      const line = text.slice(key?.length ?? 0).trim();
      const refused = bind(key ?? "", line);
      if (refused !== null) throw new CommandError(refused);
      return line === "" ? `${key} IS FREE` : `${key} IS ${line}`;
    },
  },
  {
    name: "HELP",
    usage: "[function]",
    does: "all functions and keys, or one of them",
    group: "SCREEN",
    key: "?",
    go: ({ args: [word] }, { help }) => {
      help(word ?? null);
      return undefined;
    },
  },
  {
    name: "HOME",
    does: "back to the screen as it starts: default layout, no zoom, no filter",
    group: "SCREEN",
    go: (_, { change, screen }) => {
      change({
        zoom: null,
        filter: "",
        sort: "",
        events: "",
        checkpoints: "",
        at: null,
        maximised: null,
        smoothing: 0,
        window: "all",
        xAxis: "step",
        logScale: null,
      });
      screen.reset();
      return undefined;
    },
  },
];

function preferred(
  name: string,
  word: string | undefined,
  allowed: readonly string[],
  prefer: Context["prefer"],
): string {
  const value = word?.toUpperCase();
  if (value === undefined || !allowed.includes(value)) throw new CommandError(`Say which: ${allowed.join(", ")}.`);
  prefer(name, value);
  return value;
}

async function layout(args: readonly string[], { screen }: Context): Promise<string> {
  const [word, ...rest] = args;
  if (word === undefined) return listed(await screen.names());
  const act = LAYOUT_WORDS[word.toUpperCase()];
  if (act !== undefined) return act(rest.join(" "), screen);
  await screen.load(args.join(" "));
  return args.join(" ");
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? "NO LAYOUT IS SAVED · LAYO SAVE name" : `SAVED: ${names.join(", ")}`;
}

const LAYOUT_WORDS: Readonly<Record<string, (name: string, screen: Screen) => string | Promise<string>>> = {
  "3X3": (_, screen) => {
    screen.reset();
    return "THE DEFAULT LAYOUT";
  },
  FILE: (_, screen) => {
    screen.download();
    return "SAVED AS A FILE";
  },
  SAVE: async (name, screen) => {
    await screen.save(named("SAVE", name));
    return `SAVED AS ${name}`;
  },
  DEL: async (name, screen) => {
    await screen.remove(named("DEL", name));
    return `${name} IS GONE`;
  },
};

function named(word: string, name: string): string {
  if (name === "") throw new CommandError(`LAYO ${word} takes a name.`);
  return name;
}
