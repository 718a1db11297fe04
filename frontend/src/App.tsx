import { Dashboard } from "./components/layout/Dashboard";
import { PanelBoundary } from "./components/layout/PanelBoundary";
import { LiveProvider } from "./hooks/LiveProvider";

/** The page: one live connection, one screen. */
export function App() {
  return (
    <PanelBoundary name="THE SCREEN">
      <LiveProvider>
        <Dashboard />
      </LiveProvider>
    </PanelBoundary>
  );
}
