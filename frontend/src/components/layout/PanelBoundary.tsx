import { Component, type ErrorInfo, type ReactNode } from "react";

interface PanelBoundaryProps {
  name: string;
  children: ReactNode;
}

/** Keeps a failure of one panel from taking the screen with it, says what it was, and offers to try again. */
export class PanelBoundary extends Component<PanelBoundaryProps, { error: Error | null }> {
  override state: { error: Error | null } = { error: null };

  static getDerivedStateFromError(error: unknown) {
    return { error: error instanceof Error ? error : new Error(String(error)) };
  }

  override componentDidCatch(error: Error, info: ErrorInfo): void {
    console.error(`${this.props.name} failed`, error, info.componentStack);
  }

  override render() {
    const { error } = this.state;
    if (error === null) return this.props.children;
    return (
      <div className="empty" role="alert">
        <p className="bad">{this.props.name} could not be drawn.</p>
        <p>{error.message}</p>
        <p>
          <button type="button" className="button" onClick={() => this.setState({ error: null })}>
            TRY AGAIN
          </button>
        </p>
      </div>
    );
  }
}
