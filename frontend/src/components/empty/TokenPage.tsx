import { type FormEvent, useState } from "react";
import styles from "./TokenPage.module.css";

interface TokenPageProps {
  /** Takes the token; the page is read again with it. */
  onToken(token: string): void;
}

/** Shown when the server asks for an access token. */
export function TokenPage({ onToken }: TokenPageProps) {
  const [token, setToken] = useState("");
  const send = (event: FormEvent) => {
    event.preventDefault();
    if (token.trim() !== "") onToken(token.trim());
  };
  return (
    <main className={styles.page}>
      <form className={styles.form} onSubmit={send}>
        <h1>
          STEPWIRE <span>ACCESS TOKEN</span>
        </h1>
        <p>The server printed it at its start, at the end of its link, after #t=.</p>
        <label>
          <span className="sr">Access token</span>
          <input
            value={token}
            // biome-ignore lint/a11y/noAutofocus: the page has nothing but this field
            autoFocus
            type="password"
            autoComplete="current-password"
            placeholder="paste it here"
            onChange={(event) => setToken(event.target.value)}
          />
        </label>
        <button type="submit" className="button go" disabled={token.trim() === ""}>
          ENTER
        </button>
      </form>
    </main>
  );
}
