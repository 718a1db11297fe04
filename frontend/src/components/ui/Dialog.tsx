import { type ReactNode, useId, useLayoutEffect, useRef } from "react";
import styles from "./Dialog.module.css";
import { Icon } from "./Icon";

interface DialogProps {
  title: string;
  /** As wide as the screen allows, for sheets. */
  wide?: boolean;
  onClose(): void;
  children: ReactNode;
}

/** A modal window; the browser keeps focus inside and gives it back. Esc closes it. */
export function Dialog({ title, wide = false, onClose, children }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  // Layout: the browser gives the focus back only while the dialog still stands in the page.
  useLayoutEffect(() => {
    const dialog = ref.current;
    dialog?.showModal();
    // The browser would take the close button; what is to be written comes before the button that sends it.
    dialog?.querySelector<HTMLElement>("input, textarea, [type=submit]")?.focus();
    return () => dialog?.close();
  }, []);
  return (
    <dialog ref={ref} className={`${styles.dialog} ${wide ? styles.wide : ""}`} aria-labelledby={id} onCancel={onClose}>
      <div className={styles.head}>
        <h2 id={id}>{title}</h2>
        <button type="button" onClick={onClose} aria-label="Close">
          <Icon name="close" />
        </button>
      </div>
      <div className={styles.body}>{children}</div>
    </dialog>
  );
}
