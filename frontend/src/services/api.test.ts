import { expect, test, vi } from "vitest";
import { ApiError, answerOf, baseAddress, createApi, openSession, tokenIn } from "./api";

test("requests stay below the folder that the page came from", () => {
  expect(baseAddress("http://host/")).toBe("http://host");
  expect(baseAddress("http://host/user/me/proxy/8000/")).toBe("http://host/user/me/proxy/8000");
  expect(baseAddress("http://host/proxy/index.html#/runs/a")).toBe("http://host/proxy");
});

test("a token in the fragment is taken out of it, a route stays", () => {
  expect(tokenIn("#t=abc%2F1")).toEqual({ token: "abc/1", rest: "" });
  expect(tokenIn("#t=abc&/runs/r1")).toEqual({ token: "abc", rest: "#/runs/r1" });
  expect(tokenIn("#/runs/t=abc")).toEqual({ token: null, rest: "#/runs/t=abc" });
});

test("the page's token is swapped for a cookie and leaves the address", async () => {
  window.history.replaceState(null, "", "#t=secret");
  const fetched = vi.spyOn(globalThis, "fetch").mockResolvedValue(new Response(null, { status: 204 }));
  await openSession(createApi("http://host/prefix"));
  const request = fetched.mock.calls[0]?.[0] as Request;
  expect(request.url).toBe("http://host/prefix/api/session");
  expect(await request.json()).toEqual({ token: "secret" });
  expect(window.location.hash).toBe("");
});

test("without a token nothing is asked", async () => {
  window.history.replaceState(null, "", "#/runs/a");
  const fetched = vi.spyOn(globalThis, "fetch");
  await openSession(createApi("http://host"));
  expect(fetched).not.toHaveBeenCalled();
  expect(window.location.hash).toBe("#/runs/a");
});

test("a problem becomes an error with its words and the field to blame", async () => {
  const response = new Response(null, { status: 422 });
  const failed = answerOf(
    Promise.resolve({ error: { detail: "points must be 1 to 10,000.", field: "points" }, response }),
  );
  await expect(failed).rejects.toMatchObject({ status: 422, message: "points must be 1 to 10,000.", field: "points" });
});

test("no answer at all is no refusal, so that it is asked again", async () => {
  const error = await answerOf(Promise.reject(new TypeError("fetch failed"))).catch((each: unknown) => each);
  expect(error).toBeInstanceOf(ApiError);
  expect((error as ApiError).isRefusal).toBe(false);
  expect(new ApiError(401, "token required").isRefusal).toBe(true);
  expect(new ApiError(503, "starting").isRefusal).toBe(false);
});
