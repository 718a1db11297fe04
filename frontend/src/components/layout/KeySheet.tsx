import { Dialog } from "../ui/Dialog";
import styles from "./KeySheet.module.css";
import { KEY_SHEET } from "./keys";
import { useView } from "./view";

/** All keys on one sheet. */
export function KeySheet() {
  const { help, letterKeys } = useView();
  const { showHelp, setLetterKeys } = useView.getState();
  if (!help) return null;
  return (
    <Dialog title="KEYS" onClose={() => showHelp(false)}>
      <dl className={styles.keys}>
        {KEY_SHEET.map(([key, does]) => (
          <div key={key}>
            <dt>{key}</dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <label className={styles.letters}>
        <input type="checkbox" checked={letterKeys} onChange={(event) => setLetterKeys(event.target.checked)} />
        Single letters are commands (turn off for dictation)
      </label>
    </Dialog>
  );
}
