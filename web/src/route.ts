// What the address says. Everything is after the #, which no server ever gets.

export type Route =
  /** A link: opening it joins a note. It holds the key and leaves the address bar as soon as the device has it. */
  | { readonly kind: "link"; readonly link: string }
  /** A link that makes this device one of a home: a key to everything, which leaves the address bar before anything else happens. */
  | { readonly kind: "home"; readonly link: string }
  | { readonly kind: "note"; readonly id: string }
  | { readonly kind: "list" }
  | { readonly kind: "new" }
  | { readonly kind: "start" };

/** As `home.addDevice()` gives it. */
export const isHomeLink = (link: string): boolean => /^[^#]*\?home#/.test(link);

/** A digit first is the version of a link, whole or cut short: the package says what is wrong with it. */
export const routeOf = (url: URL): Route => {
  const hash = url.hash.slice(1);
  if (/^\d/.test(hash)) return { kind: isHomeLink(url.href) ? "home" : "link", link: url.href };
  if (hash.startsWith("d/")) return { kind: "note", id: hash.slice(2) };
  if (hash === "notes") return { kind: "list" };
  if (hash === "new") return { kind: "new" };
  return { kind: "start" };
};

/** Where a note is in this app. */
export const noteHash = (id: string): string => `#d/${id}`;

/** The same place on the other loopback address: a second device on one machine. Null anywhere else. */
export const otherOrigin = (here: URL): string | null => {
  const twin = here.hostname === "localhost" ? "127.0.0.1" : here.hostname === "127.0.0.1" ? "localhost" : null;
  if (twin === null) return null;
  const there = new URL(here.pathname, here);
  there.hostname = twin;
  return there.href;
};
