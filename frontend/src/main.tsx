import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App";
import { createApi, openSession } from "./services/api";
import "./styles/fonts.css";
import "./styles/tokens.css";
import "./styles/themes.css";
import "./styles/global.css";
import { applyPreferences } from "./state/preferences";

function start(): void {
  applyPreferences();
  const root = document.getElementById("root");
  if (root === null) throw new Error("The page has no #root element.");
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
}

// A token in the address becomes a cookie before anything is asked; without one this is done at once.
openSession(createApi()).then(start, start);
