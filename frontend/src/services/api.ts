import createClient from "openapi-fetch";
import type { paths } from "./schema.gen";

/** What a request that failed has to say, in words for the screen. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly field: string | null = null,
  ) {
    super(message);
    this.name = "ApiError";
  }

  /** Asking again would not help: the server understood and said no. */
  get isRefusal(): boolean {
    return this.status >= 400 && this.status < 500;
  }
}

/** Address of the page's folder, so that all requests stay below whatever prefix a proxy puts in front. */
export function baseAddress(page: string = document.baseURI): string {
  return new URL(".", page).href.replace(/\/$/, "");
}

export type Client = ReturnType<typeof createApi>;

export function createApi(base: string = baseAddress()) {
  return createClient<paths>({ baseUrl: base, credentials: "same-origin" });
}

interface Answer<Data> {
  data?: Data | undefined;
  error?: unknown;
  response: Response;
}

/** The body of a successful answer; a failed one becomes an `ApiError`. */
export async function answerOf<Data>(request: Promise<Answer<Data>>): Promise<Data> {
  const { data, error, response } = await request.catch(() => {
    throw new ApiError(0, "The server cannot be reached.");
  });
  if (response.ok && data !== undefined) return data;
  throw problemOf(response.status, error);
}

function problemOf(status: number, body: unknown): ApiError {
  const { detail, title, field } = (typeof body === "object" && body !== null ? body : {}) as Record<string, unknown>;
  const text = [detail, title].find((part) => typeof part === "string") as string | undefined;
  return new ApiError(status, text ?? `The server answered ${status}.`, typeof field === "string" ? field : null);
}

/** The access token of a link like `…/#t=TOKEN`, and the fragment without it. */
export function tokenIn(fragment: string): { token: string | null; rest: string } {
  const found = /^#\/?t=([^&/]+)&?(.*)$/.exec(fragment);
  if (!found?.[1]) return { token: null, rest: fragment };
  return { token: decodeURIComponent(found[1]), rest: found[2] ? `#${found[2]}` : "" };
}

/** Swap a token in the page's address for a cookie, and take it out of the address. */
export async function openSession(client: Client): Promise<void> {
  const { token, rest } = tokenIn(window.location.hash);
  if (token === null) return;
  window.history.replaceState(window.history.state, "", `${window.location.pathname}${window.location.search}${rest}`);
  await client.POST("/api/session", { body: { token } });
}
