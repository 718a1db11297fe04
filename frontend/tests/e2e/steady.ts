import type { Page, Route, WebSocketRoute } from "@playwright/test";
import { ENVIRONMENT, GIVEN_NAME, HOST, hostHistory, MINUTE, NOW, VERSION } from "./machine";

/** Messages that say the socket is well; all others tell of the machine that the test runs on. */
const QUIET = new Set(["subscribed", "unsubscribed", "ping", "pong"]);

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/**
 * Have a page look the same on any machine at any time. It shows what the real server answers, but for moments, hosts
 * and versions; its clock stands still, and the socket tells nothing new.
 */
export async function steady(page: Page): Promise<void> {
  await page.clock.setFixedTime(NOW);
  await page.routeWebSocket(/\/ws$/, quieten);
  await page.route(/\/api\//, answerSteadily);
}

function quieten(socket: WebSocketRoute): void {
  const server = socket.connectToServer();
  server.onMessage((message) => {
    if (QUIET.has(JSON.parse(String(message)).type)) socket.send(message);
  });
}

async function answerSteadily(route: Route): Promise<void> {
  const { pathname } = new URL(route.request().url());
  if (pathname.endsWith("/system/status")) return route.fulfill({ json: { hosts: [HOST] } });
  if (pathname.endsWith("/system/history")) return route.fulfill({ json: hostHistory() });
  if (pathname.endsWith("/environment")) return route.fulfill({ json: ENVIRONMENT });
  if (pathname.endsWith("/version")) return route.fulfill({ json: VERSION });
  const response = await route.fetch();
  if (!response.headers()["content-type"]?.includes("json")) return route.fulfill({ response });
  return route.fulfill({ response, json: steadied(await response.json()) });
}

/** An answer whose moments follow from nothing but what else it tells. */
function steadied(value: Json): Json {
  if (Array.isArray(value)) return value.map(steadied);
  if (value === null || typeof value !== "object") return value;
  const told = Object.fromEntries(Object.entries(value).map(([name, part]) => [name, steadyPart(name, part)]));
  return typeof told.number === "number" && "start_time" in told ? { ...told, ...momentsOf(told.number) } : told;
}

function steadyPart(name: string, part: Json): Json {
  if (name === "host" && typeof part === "string") return GIVEN_NAME;
  if (name === "message" && typeof part === "string") return part.replace(/(started on) \S+/, `$1 ${GIVEN_NAME}`);
  if (name === "pid" && typeof part === "number") return 4711;
  if (name === "time" && typeof part === "number") return (NOW - 5 * MINUTE) * 1000;
  if (/_(at|time)$/.test(name) && typeof part === "string") return written(NOW - 5 * MINUTE);
  return steadied(part);
}

/** A run each ten minutes, which took nine of them. */
function momentsOf(number: number): Record<string, string> {
  const start = NOW - 120 * MINUTE + number * 10 * MINUTE;
  const [from, to] = [written(start), written(start + 9 * MINUTE)];
  return { created_at: from, start_time: from, last_time: to, updated_at: to, end_time: to };
}

function written(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
