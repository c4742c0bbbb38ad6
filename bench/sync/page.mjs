// The page's side: either client of every library, and the reader who catches up.
import { freehold } from "freehold";
import { clients, Paper } from "./clients.mjs";

const now = () => performance.timeOrigin + performance.now();
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const opened = {};
/** By library: when the text was first seen to be so long, or longer. */
const seen = {};

window.bench = {
  now,
  async open(library, url, where) {
    seen[library] = [];
    opened[library] = await clients[library](url, where, (length) => {
      const at = now();
      for (let n = seen[library].length; n <= length; n++) seen[library][n] = at;
    });
    return opened[library].where;
  },
  /** Presses keys and gives, for each, how long the text was after it, and when that was. */
  async type(library, keys, every) {
    const pressed = [];
    for (let i = 0; i < keys; i++) {
      const at = now();
      opened[library].press();
      pressed.push([opened[library].length(), at]);
      await pause(every);
    }
    return pressed;
  },
  length: (library) => opened[library].length(),
  seen: (library) => seen[library],
  /** What the vault that stamps noted since it was asked last. */
  stamps: () => new Promise((resolve) => {
    const channel = new BroadcastChannel("stamps");
    channel.addEventListener("message", ({ data }) => {
      channel.close();
      resolve(data);
    });
    channel.postMessage("when?");
  }),
  /** Joins with nothing but a link; resolves when everything is visible. */
  async catchUp(relay, link) {
    const home = freehold({ name: "bench", relay, workerUrl: new URL("/countingvault.js", location.href).href });
    await home.ready;
    const from = performance.now();
    const doc = await home.join(Paper, link);
    await new Promise((resolve) => {
      doc.status.subscribe(({ content }) => { if (content === "complete") resolve(); });
    });
    return { milliseconds: performance.now() - from, text: `${doc.value.body}` };
  },
  /** What crypto was called for, by the page and by the worker. */
  crypto: () => new Promise((resolve) => {
    const answers = [];
    const channel = new BroadcastChannel("crypto-calls");
    channel.addEventListener("message", ({ data }) => {
      if (data.where === undefined || answers.push(data) < 2) return;
      channel.close();
      resolve(answers);
    });
    channel.postMessage("how many?");
  }),
};
