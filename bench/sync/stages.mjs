// Where the time of a key press goes, told from what both vaults' workers noted.
const APPEND = 2;
const BATCH = 17;

/** What lies between two of these is a stage; each with what it is the end of. */
export const stages = [
  ["asked", "page A: change, core, drained; message to its vault"],
  ["sealed", "vault A: hashed, encrypted, signed"],
  ["flushed", "vault A: appended to the file and flushed"],
  ["committed", "vault A: committed in IndexedDB, which began with the file"],
  ["sent", "vault A: machine, frame on the socket"],
  ["came", "relay: read, verified, flushed, passed on; both sockets"],
  ["opened", "vault B: hashed, verified, decrypted"],
  ["stored", "vault B: in both of its stores"],
  ["told", "vault B: machine, message to its page"],
  ["seen", "page B: core, mirror, subscriber"],
];

const first = (stamps, from, is) => stamps.find(([at, what]) => at >= from && is(what))?.[0];
const last = (stamps, from, to, is) => stamps.findLast(([at, what]) => at >= from && at <= to && is(what))?.[0];

/** Times of one key press on the clock of A, or null where something else was done in between and it cannot be told apart. `b` are stamps on that clock as well. */
export const follow = (pressed, seen, a, b) => {
  const asked = first(a, pressed, (w) => w === "asked update");
  const sent = first(a, asked, (w) => w === `sent ${APPEND}`);
  const came = first(b, pressed, (w) => w === `came ${BATCH}`);
  const told = first(b, came, (w) => w === "told updates");
  if (asked === undefined || sent === undefined || told === undefined || told > seen) return null;
  const flushed = last(a, asked, sent, (w) => w === "flushed");
  const committed = last(a, asked, sent, (w) => w === "committed");
  const stored = last(b, came, told, (w) => w === "flushed" || w === "committed");
  const firstStored = first(b, came, (w) => w === "flushed" || w === "committed");
  const sealed = last(a, asked, Math.min(flushed, committed), (w) => w === "crypto");
  const opened = last(b, came, firstStored, (w) => w === "crypto");
  const times = { asked, sealed, flushed, committed, sent, came, opened, stored, told, seen };
  const list = stages.map(([name]) => times[name]);
  return list.every((t) => t !== undefined) ? list.map((t, i) => t - (i === 0 ? pressed : list[i - 1])) : null;
};
