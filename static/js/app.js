/** What every page gets; the board, the map and live progress are parts of their own, loaded where they are used. */

import "htmx.org";
import { walkChoices } from "./page/choices.js";
import { sendTokenWithHtmx } from "./page/csrf.js";
import { openInDialogs } from "./page/dialog.js";
import { reportLostRequests } from "./page/failures.js";
import { focusOnProblems } from "./page/focus.js";
import { walkGrids } from "./page/grid.js";
import { holdTaps } from "./page/hold.js";
import { revertOnEscape } from "./page/inline.js";
import { closeMenusOutside } from "./page/menus.js";
import { answerWhileTyping } from "./page/palette.js";
import { shrinkPhotos } from "./page/photo.js";
import { listenForShortcuts } from "./page/shortcuts.js";
import { applyThemeAtOnce } from "./page/theme.js";
import { watchToasts } from "./page/toasts.js";
import { watchPage } from "./page/watch.js";

sendTokenWithHtmx();
watchToasts();
listenForShortcuts();
closeMenusOutside();
applyThemeAtOnce();
focusOnProblems();
reportLostRequests();
holdTaps();
answerWhileTyping();
walkChoices();
walkGrids();
revertOnEscape();
openInDialogs();
shrinkPhotos();
watchPage();
