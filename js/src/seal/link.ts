// Links: capabilities as the fragment of a URL, `1w.<doc 32>.<secret 43>.<check 2>[.<relay host>]` (twin of internal/seal/link.go).

import { FreeholdError } from "../errors.ts";
import { fromBase32, fromBase64url, toBase64url } from "../ids.ts";
import type { Rights } from "../protocol.ts";
import { sha256 } from "./hkdf.ts";
import { utf8 } from "./octets.ts";
import type { ParsedLink } from "./sealer.ts";

const VERSION = "1";
const LETTERS: ReadonlyMap<string, Rights> = new Map([["r", "read"], ["w", "write"], ["a", "owner"]]);
const DOC_SIZE = 20;
const SECRET_SIZE = 32;
/** Host name, address and port; the longest DNS name, a colon and five digits. Whether it resolves is for whoever dials it. */
const HOST = /^[A-Za-z0-9.:[\]-]{1,259}$/;

const badLink = (message: string, hint: string): FreeholdError => new FreeholdError("bad-link", message, hint);
const noKey = (): FreeholdError => badLink("There is no key in this link.", "The key is the part after #: copy the whole link.");
const cutShort = (): FreeholdError => badLink("The link is incomplete.", "The link was cut short: copy it again whole.");
const mistyped = (): FreeholdError => badLink("The link is damaged.", "A character was mistyped or changed on its way: copy the link again.");

/** The first twelve bits of a hash of everything before it: catches what chat programs and eyes do to long words. */
const check = async (text: string): Promise<string> => toBase64url((await sha256(utf8(text))).subarray(0, 3)).slice(0, 2);

/** The text after `#`. It is the secret: do not log it. FreeholdError("invalid") when the relay hint is no host. */
export const formatLink = async (link: ParsedLink): Promise<string> => {
  const letter = [...LETTERS].find(([, rights]) => rights === link.rights)![0];
  const text = `${VERSION}${letter}.${link.doc}.${toBase64url(link.secret)}`;
  const whole = `${text}.${await check(text)}`;
  if (link.relayHint === null) return whole;
  if (!HOST.test(link.relayHint)) throw new FreeholdError("invalid", `"${link.relayHint}" is no host name.`, "Give the relay's host and port, without https:// or a path.");
  return `${whole}.${link.relayHint}`;
};

/** Reads a whole URL or a bare fragment. FreeholdError("bad-link"), or "newer-format" for a later version of links. */
export const parseLink = async (input: string): Promise<ParsedLink> => {
  const trimmed = input.trim();
  const text = trimmed.slice(trimmed.indexOf("#") + 1);
  if (!/^\d./.test(text)) throw noKey();
  if (text[0] !== VERSION) throw new FreeholdError("newer-format", "This link was made by a newer version.", "Reload to update the app, then open the link again.");
  const rights = LETTERS.get(text[1]!);
  if (rights === undefined) throw mistyped();
  const [head, doc, secret, sum, ...host] = text.split(".");
  if (doc === undefined || secret === undefined || sum === undefined || sum.length < 2 || text.endsWith(".")) throw cutShort();
  const bytes = fromBase64url(secret);
  if (head!.length !== 2 || fromBase32(doc)?.length !== DOC_SIZE || bytes?.length !== SECRET_SIZE) throw mistyped();
  if ((await check(`${head}.${doc}.${secret}`)) !== sum) throw mistyped();
  const relayHint = host.length === 0 ? null : host.join(".");
  if (relayHint !== null && !HOST.test(relayHint)) throw mistyped();
  return { doc, rights, secret: bytes, relayHint };
};
