import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { useState } from "react";
import { afterEach, expect, test, vi } from "vitest";
import { useRowKeys } from "./useRowKeys";

afterEach(cleanup);

const ids = Array.from({ length: 100 }, (_, index) => `row ${index}`);

/** Draws ten rows from one on, as a list does that is scrolled to there. */
function Rows() {
  const [first, setFirst] = useState(0);
  const keys = useRowKeys({ ids, start: null, scrollTo: setFirst, open: () => undefined });
  const drawn = Array.from({ length: 10 }, (_, index) => ({ index: first + index }));
  return (
    <div role="listbox" {...keys.box(drawn)} onKeyDown={keys.onKeyDown} onDoubleClick={() => setFirst(50)}>
      {drawn.map(({ index }) => {
        const id = ids[index] as string;
        return (
          <div
            key={id}
            ref={keys.rowRef(id)}
            role="option"
            aria-selected={keys.current === id}
            tabIndex={keys.current === id ? 0 : -1}
            data-focus={keys.current === id || undefined}
            onFocus={() => keys.onFocus(id)}
          >
            {id}
          </div>
        );
      })}
    </div>
  );
}

const reached = () => document.querySelectorAll("[tabindex='0'][data-focus]");

test("one row takes the focus, and keys walk on from it", () => {
  render(<Rows />);
  expect([...reached()].map((element) => element.textContent)).toEqual(["row 0"]);
  fireEvent.keyDown(screen.getByText("row 0"), { key: "j" });
  expect(document.activeElement?.textContent).toBe("row 1");
});

test("scrolled away from that row, the box takes the focus, and its keys lead back to where they were", () => {
  render(<Rows />);
  fireEvent.keyDown(screen.getByText("row 0"), { key: "j" });
  fireEvent.doubleClick(screen.getByRole("listbox"));
  expect([...reached()]).toEqual([screen.getByRole("listbox")]);
  fireEvent.keyDown(screen.getByRole("listbox"), { key: "j" });
  expect(document.activeElement?.textContent).toBe("row 2");
  expect(screen.getByRole("listbox").tabIndex).toBe(-1);
});

function RowWithButton({ open }: { open(id: string): void }) {
  const keys = useRowKeys({ ids: ["a"], start: null, scrollTo: () => undefined, open });
  return (
    <div ref={keys.rowRef("a")} role="row" tabIndex={0} onKeyDown={keys.onKeyDown}>
      <button type="button">BEST</button>
    </div>
  );
}

test("in a window of its own, Enter on a button inside a row stays the button's", () => {
  const frame = document.body.appendChild(document.createElement("iframe"));
  const page = frame.contentDocument as Document;
  const open = vi.fn();
  const { getByRole, unmount } = render(<RowWithButton open={open} />, {
    container: page.body,
    baseElement: page.body,
  });
  fireEvent.keyDown(getByRole("button"), { key: "Enter" });
  expect(open).not.toHaveBeenCalled();
  fireEvent.keyDown(getByRole("row"), { key: "Enter" });
  expect(open).toHaveBeenCalledExactlyOnceWith("a");
  unmount();
  frame.remove();
});
