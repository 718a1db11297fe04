/// <reference types="vitest/config" />
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const server = process.env.STEPWIRE_SERVER ?? "http://127.0.0.1:8000";

export default defineConfig({
  plugins: [react()],
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
