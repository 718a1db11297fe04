/// <reference types="vitest/config" />
import react from "@vitejs/plugin-react";
import { defineConfig, type HtmlTagDescriptor, type Plugin } from "vite";

const server = process.env.STEPWIRE_SERVER ?? "http://127.0.0.1:8000";

/** Has the browser ask for the first runs (see src/state/runPages.ts) while the scripts are on their way. */
function listWithPage(): Plugin {
  const attrs = { rel: "preload", as: "fetch", href: "./api/runs?limit=100", crossorigin: true };
  const tags: HtmlTagDescriptor[] = [{ tag: "link", attrs, injectTo: "head" }];
  return { name: "list-with-page", transformIndexHtml: { order: "post", handler: () => tags } };
}

export default defineConfig({
  plugins: [react(), listWithPage()],
  // Relative addresses, so that the page works below any prefix a proxy puts in front of it.
  base: "./",
  build: { outDir: "../src/stepwire/server/web", emptyOutDir: true, target: "es2022", sourcemap: false },
  server: {
    port: 3000,
    strictPort: true,
    // The Host stays the browser's (a bare string would change it), so that the page's Origin is the server's own.
    proxy: {
      "/api": { target: server, changeOrigin: false },
      "/health": { target: server, changeOrigin: false },
      "/ws": { target: server, changeOrigin: false, ws: true },
    },
  },
  test: { environment: "jsdom", include: ["src/**/*.test.{ts,tsx}"], restoreMocks: true, sequence: { shuffle: true } },
});
