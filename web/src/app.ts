// The app: which note is shown, and what the components do to it. Components know nothing of each other; this file does.

import { FreeholdError, type Doc, type Home } from "freehold";
import { confirmSheet } from "./confirmsheet.ts";
import { devicesSheet } from "./devicessheet.ts";
import { download, el } from "./dom.ts";
import { installer } from "./install.ts";
import { linkSheet } from "./linksheet.ts";
import { nameSheet } from "./namesheet.ts";
import { nameOf, Note, type NoteType } from "./note.ts";
import { noteList, type NoteInfo } from "./notelist.ts";
import { noteView } from "./noteview.ts";
import { opener, type Opened } from "./opener.ts";
import { patience } from "./patience.ts";
import { people, tellOthers } from "./people.ts";
import { problemBar, type Way } from "./problembar.ts";
import { relayDrawer } from "./relaydrawer.ts";
import { isHomeLink, noteHash, otherOrigin, routeOf } from "./route.ts";
import { shareSheet } from "./sharesheet.ts";
import { statusChip } from "./statuschip.ts";
import { toasts } from "./toast.ts";
import { topBar } from "./topbar.ts";
import { tunnelSwitch } from "./tunnelswitch.ts";
import { keepShell } from "./update.ts";
import { chipWords, nextJourney, type Journey } from "./words.ts";

type NoteDoc = Doc<NoteType>;

const UNDO_MS = 8_000;
const FORGET_MS = 10_000;
/** From here up the list stands beside the note (style/layout.css has the same number). */
const WIDE = matchMedia("(min-width: 900px)");

/** Builds the app into `root`. `onProblem` is given a way to hear problems that no call threw. */
export const startApp = (root: HTMLElement, home: Home, onProblem: (hear: (error: FreeholdError) => void) => void): void => {
  let shown: Opened = { kind: "draft" };
  let stopStatus: (() => void) | null = null;
  let journey: Journey = "steady";
  let notes: readonly NoteInfo[] | undefined;
  /** Notes that are about to be forgotten: out of sight, still here until the toast is gone. */
  const leaving = new Set<string>();

  const spoken = el("div", { class: "visually-hidden", role: "status" });
  const say = (words: string): void => { spoken.textContent = words; };
  const problem = problemBar({ download: () => void exportNote() });
  const toast = toasts();
  const offerUndo = (words: string, undo: () => void): void => toast.show({ words, action: { label: "Undo", run: undo }, ms: UNDO_MS, ofNote: true });
  const note = (): NoteDoc | null => (shown.kind === "note" ? shown.doc : null);

  // ── the note on the page ──

  const view = noteView({
    begin: () => begin(),
    create: () => { location.hash = "#new"; },
    restore: () => devices.open("restore"),
    refused: (error) => problem.show(error),
    say,
    offerUndo,
  });
  const open = opener(home, { words: view.words, failed: (error) => problem.show(error), changed: (to) => show(to) });
  const typed = (): boolean => {
    const { title, body } = view.words();
    return title + body !== "";
  };
  const begin = (): Promise<NoteDoc | null> => {
    const doc = note();
    const begun = doc !== null ? Promise.resolve(doc) : open.begin();
    updateChip();
    return begun;
  };

  const show = (to: Opened): void => {
    const continues = shown.kind === "draft" && to.kind === "note" && to.begun;
    if (!continues) {
      toast.leaveNote();
      problem.clear();
    }
    stopStatus?.();
    stopStatus = null;
    shown = to;
    journey = "steady";
    if (to.kind === "draft") view.draft();
    else if (to.kind === "opening") preview(to.id);
    else if (to.kind === "empty") {
      view.empty(here().length > 0);
      history.replaceState(null, "", location.pathname); // a link that failed has no business in the address bar either
    }
    else {
      view.show(to.doc);
      history.replaceState(null, "", noteHash(to.doc.id));
      relay.reset();
      stopStatus = to.doc.status.subscribe((status) => {
        if (status.problem !== null) problem.show(status.problem, wayOn(status.successor));
        updateChip();
      });
    }
    drawer.follow(note());
    around.follow(note());
    introduce();
    updateChip();
    updateBar();
    updateList();
    updateTitle();
  };

  /** To the note as which this one goes on, where its new link has been here. */
  const wayOn = (successor: string | null): Way | undefined =>
    successor === null || !here().some((each) => each.id === successor) ? undefined : { label: "Open the new one", run: () => { location.hash = noteHash(successor); } };

  /** From the head, which is read without the core, until the note itself is there. */
  const preview = (id: string): void => view.preview(headOf(id) ?? { title: "", body: "" });
  const headOf = (id: string): NoteInfo["head"] | undefined => notes?.find((each) => each.id === id)?.head;

  // ── what is around it ──

  const chip = statusChip();
  const relay = patience(() => updateChip());
  const tunnel = tunnelSwitch({
    enter: () => home.pause(),
    leave: () => home.resume(),
    changed: (on) => {
      root.classList.toggle("in-tunnel", on);
      relay.reset();
      updateChip();
    },
  });
  const updateChip = (): void => {
    if ((shown.kind === "opening" || root.classList.contains("starting") && !typed()) && !tunnel.on) return; // in a moment it is known
    chip.el.hidden = shown.kind === "empty" && !tunnel.on;
    const known = note()?.status.value, status = known === undefined ? null : relay.told(known);
    if (status !== null) journey = nextJourney(journey, status, tunnel.on);
    chip.show(chipWords(status, { tunnel: tunnel.on, journey, typed: shown.kind === "draft" && typed() }));
  };

  const install = installer(() => updateBar());
  const around = people();
  const me = nameSheet({ changed: () => introduce() });
  /** Tells the others of this note who has it open here. */
  const introduce = (): void => {
    const doc = note();
    if (doc !== null) tellOthers(doc, { name: me.name });
  };
  const share = shareSheet({ problem: (error) => problem.show(error), say });
  const drawer = relayDrawer();
  const paste = linkSheet({ open: (link) => { if (isHomeLink(link)) askToRestore(link); else void open.join(link); } });
  const confirm = confirmSheet();
  const devices = devicesSheet(home, { restore: (link) => askToRestore(link), problem: (error) => problem.show(error), say });
  const twin = otherOrigin(new URL(location.href));

  const bar = topBar({
    chip: chip.el,
    people: around.el,
    tunnel: tunnel.el,
    share: () => void begin().then((doc) => doc && share.open(doc)),
    secondDevice: twin === null ? null : () => void secondDevice(twin),
    relaySees: () => void begin().then((doc) => doc && drawer.open(doc)),
    exportNote: () => void exportNote(),
    yourName: () => me.open(),
    install: () => void install.install(),
    forget: () => forget(),
    relink: () => askToRelink(),
    deleteNote: () => askToDelete(),
  });
  const updateBar = (): void => bar.offer({ note: shown.kind !== "empty", owner: note()?.rights === "owner", install: install.available });

  const list = noteList({ create: () => { if (location.hash === "#new") route(); else location.hash = "#new"; }, openLink: () => paste.open(), devices: () => devices.open("add") });
  const updateList = (): void => list.show(notes?.filter((each) => !leaving.has(each.id)), shown.kind === "note" ? shown.doc.id : shown.kind === "opening" ? shown.id : null);
  const updateTitle = (): void => {
    const words = shown.kind === "note" ? shown.doc.value : shown.kind === "opening" ? headOf(shown.id) : undefined;
    document.title = words === undefined ? "Freehold" : `${nameOf(words)} · Freehold`;
  };

  // ── actions ──

  const secondDevice = async (there: string): Promise<void> => {
    const doc = await begin();
    if (doc === null) return;
    const link = await doc.link(doc.rights === "read" ? "read" : "write");
    const opened = window.open(there + link.hash, "_blank", "popup,width=390,height=780");
    if (opened === null) await share.open(doc); // pop-ups are blocked: the link is the long way round
  };

  /** What the page shows, however badly the rest is doing. */
  const exportNote = async (): Promise<void> => {
    const doc = note();
    const blob = doc === null ? null : await doc.export("json").catch(() => null);
    const words = view.words();
    const name = nameOf(doc?.value ?? words).replace(/[\\/:*?"<>|\p{Cc}]+/gu, " ").trim();
    download(blob ?? new Blob([JSON.stringify(doc === null ? words : { ...doc.value, ...words }, null, 2)], { type: "application/json" }), `${name || "Untitled"}.json`);
  };

  const forget = (): void => {
    const doc = note();
    if (doc === null) return route();
    const { id } = doc, name = nameOf(doc.value);
    const forgetNow = (): void => {
      home.forget(id).catch((error: unknown) => {
        if (!(error instanceof FreeholdError)) throw error;
        problem.show(error);
      }).finally(() => { leaving.delete(id); updateList(); });
    };
    leaving.add(id);
    openNext();
    toast.show({
      words: `“${name}” is leaving this device, and its key with it.`,
      action: { label: "Undo", run: () => { leaving.delete(id); updateList(); void open.open(id); } },
      ms: FORGET_MS,
      gone: forgetNow,
    });
  };

  /** Whatever fails and says why is shown; the rest is a fault of ours. */
  const shownIfRefused = (error: unknown): void => {
    if (!(error instanceof FreeholdError)) throw error;
    problem.show(error);
  };

  const askToDelete = (): void => {
    const doc = note();
    if (doc === null) return;
    const { id } = doc, name = nameOf(doc.value);
    const deleteNow = async (): Promise<void> => {
      await home.delete(id); // first: a note that cannot be deleted stays where it is, with the reason
      leaving.add(id);
      if (note()?.id === id) openNext();
      toast.show({ words: `“${name}” was deleted.`, ms: UNDO_MS });
      leaving.delete(id);
      updateList();
    };
    confirm.ask({
      title: `Delete “${name}” for everyone?`,
      words: "It goes from the relay, from this device and from your others. People you shared it with keep what they have. This cannot be undone.",
      label: "Delete for everyone", danger: true, run: () => void deleteNow().catch(shownIfRefused),
    });
  };

  const askToRelink = (): void => {
    const doc = note();
    if (doc === null) return;
    const { id } = doc;
    const relinkNow = async (partial = false): Promise<void> => {
      const next = await doc.relink({ partial });
      next.close(); // its value stays
      location.hash = noteHash(next.id);
      toast.show({
        words: `“${nameOf(next.value)}” has new keys. Share its new link with those who may follow.`,
        action: { label: "Delete the old one", run: () => void home.delete(id).catch(shownIfRefused) },
        ms: FORGET_MS,
      });
    };
    confirm.ask({
      title: "Move this note to new keys?",
      words: "It is made again, and old links do not open the new one. Whoever has an old link is told that the note moved, and keeps what they have seen.",
      label: "Move to new keys", run: () => void relinkNow().catch((e: unknown) => (doc.status.value.content === "partial" && e instanceof FreeholdError && e.code === "not-ready" ? askWithoutTheRest() : shownIfRefused(e))),
    });
    const askWithoutTheRest = (): void => confirm.ask({
      title: "Part of this note is not here",
      words: "A relay or another device has more of it. Wait until that is here. If it never comes, the note can move without it: what is missing stays behind.",
      label: "Move without it", danger: true, run: () => void relinkNow(true).catch(shownIfRefused),
    });
  };

  /** Somebody else's link would give them every note of this device: the one thing to ask before. */
  const askToRestore = (link: string): void => confirm.ask({
    title: "Make this device one of yours?",
    words: "It gets all notes of the device that gave the link, and that device gets all notes from here. Go on only if the link is from a device of your own.",
    label: "Restore", run: () => void restoreNow(link).catch(shownIfRefused),
  });
  const restoreNow = async (link: string): Promise<void> => {
    say("Fetching your notes");
    await home.restore(link);
    toast.show({ words: "This device is one of yours now. Its notes are on their way.", ms: UNDO_MS });
    if (shown.kind === "empty") view.empty(here().length > 0);
  };

  // ── where to be ──

  const here = (): readonly NoteInfo[] => (notes ?? []).filter((each) => !leaving.has(each.id));
  const openNext = (): void => {
    const next = here()[0];
    if (WIDE.matches && next !== undefined) void open.open(next.id);
    else {
      open.leave({ kind: "empty" });
      if (!WIDE.matches && next !== undefined) location.hash = "#notes";
    }
  };
  const start = async (): Promise<void> => {
    // The first key press may come before the list was read: then it is a new note, whatever the list says.
    root.classList.add("starting");
    open.leave({ kind: "draft" });
    view.focusBody();
    await home.ready;
    root.classList.remove("starting");
    updateChip();
    const last = here()[0];
    if (shown.kind === "draft" && !typed() && last !== undefined && routeOf(new URL(location.href)).kind === "start") await open.open(last.id);
  };
  const route = (address = location.href): void => {
    const to = routeOf(new URL(address));
    root.dataset["pane"] = to.kind === "list" ? "list" : "note";
    switch (to.kind) {
      case "start": return void start();
      case "link": return void open.join(to.link);
      case "home":
        history.replaceState(null, "", location.pathname);
        void start();
        return askToRestore(to.link);
      case "note": {
        if (note()?.id !== to.id) void open.open(to.id).then(() => { if (!WIDE.matches) view.focusPage(); });
        return;
      }
      case "new":
        open.leave({ kind: "draft" });
        return view.focusBody();
      case "list": {
        if (WIDE.matches && (shown.kind !== "note" || leaving.has(shown.doc.id))) void home.ready.then(openNext);
        return;
      }
    }
  };

  onProblem((error) => problem.show(error));
  home.list(Note).subscribe((value) => {
    const first = notes === undefined;
    notes = value;
    if (first && shown.kind === "opening") preview(shown.id);
    updateList();
    updateTitle();
    // The owner's word may be here before the new note is.
    const status = note()?.status.value;
    if (status !== undefined && status.problem !== null) problem.offer(status.problem, wayOn(status.successor));
  });
  setInterval(updateList, 60_000); // "5 min" becomes "6 min"
  // Notes that were leaving when the page went away were not forgotten: nothing is lost by closing a window.
  root.replaceChildren(
    el("main", { class: "app" }, list.el, el("div", { class: "stage" }, bar.el, problem.el, view.el)),
    drawer.el, share.el, paste.el, me.el, devices.el, confirm.el, toast.el, spoken);
  root.classList.toggle("in-tunnel", tunnel.on);
  // The event's own address: a note that finishes opening in between writes its own over that of the page.
  window.addEventListener("hashchange", (event) => route(event.newURL));
  WIDE.addEventListener("change", () => { if (routeOf(new URL(location.href)).kind === "list") route(); });
  addEventListener("beforeunload", (event) => {
    // Asked only when closing the page would lose words: they are nowhere but here, and storing them failed.
    const status = note()?.status.value;
    const failed = status !== undefined ? status.unsaved > 0 && status.problem !== null : shown.kind === "draft" && typed() && !problem.el.hidden;
    if (failed) event.preventDefault();
  });
  route();

  keepShell((accept) => toast.show({ words: "A new version of the app is ready.", action: { label: "Use it", run: () => void useUpdate(accept) } }))
    .catch(() => say("This browser does not keep the app for offline use."));

  /** The page reloads into the new version when everything typed is on the device. */
  const useUpdate = async (accept: () => void): Promise<void> => {
    await note()?.saved("device").catch(() => undefined);
    accept();
  };
};
