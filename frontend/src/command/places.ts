import { exportLayout } from "../layout/file";
import { isType, titleOf } from "../layout/panels";
import { deleteLayout, layoutNames, loadLayout, saveLayout } from "../layout/saved";
import { useScreen } from "../layout/screen";
import {
  closePanel,
  maximise,
  movePanel,
  openPanel,
  openPanels,
  popOut,
  resetLayout,
  showPanel,
} from "../layout/store";
import { CommandError, type Screen } from "./command";

/** The arrangement of panels, as commands see it. */
export const PLACES: Screen = {
  panels: () => openPanels().map((id, at) => ({ id, number: at + 1, title: titleOf(id) })),
  active: () => useScreen.getState().active,
  show(panel) {
    if (!openPanels().includes(panel) && isType(panel)) openPanel(panel);
    showPanel(panel);
  },
  open(type) {
    if (!isType(type)) throw new CommandError(`${type} is no kind of panel.`);
    return openPanel(type);
  },
  close(panel) {
    if (!closePanel(panel)) throw new CommandError("The last panel stays.");
  },
  move: movePanel,
  maximise,
  popOut,
  reset: resetLayout,
  save: saveLayout,
  load: loadLayout,
  remove: deleteLayout,
  names: layoutNames,
  download: exportLayout,
};
