/// <reference types="vitest/config" />
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const server = "http://127.0.0.1:8000";

export default defineConfig({
  plugins: [react()],
  // Relative addresses, so that the page works below any prefix a proxy puts in front of it.
  base: "./",
  build: { outDir: "../src/stepwire/server/web", emptyOutDir: true, target: "es2022", sourcemap: false },
  server: {
    port: 3000,
    strictPort: true,
    proxy: { "/api": server, "/health": server, "/ws": { target: server, ws: true } },
  },
  test: { environment: "jsdom", include: ["src/**/*.test.{ts,tsx}"], restoreMocks: true, sequence: { shuffle: true } },
});
