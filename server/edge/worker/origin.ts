// Which pages may open a socket: as server/httpapi/origin.go decides it for plain requests.

/** `listed` are origins with blanks between them; "*" is every page. Who is no page sends no origin. */
export const isAllowed = (request: Request, url: URL, listed = ""): boolean => {
  const origin = request.headers.get("Origin");
  const allowed = listed.toLowerCase().split(/\s+/).map((o) => o.replace(/\/$/, ""));
  if (origin === null || allowed.includes("*") || allowed.includes(origin)) return true;
  try {
    const page = new URL(origin);
    return page.host === url.host || isThisMachine(page.hostname);
  } catch {
    return false;
  }
};

const isThisMachine = (hostname: string): boolean => hostname === "localhost" || hostname === "[::1]" || /^127(\.\d+){3}$/.test(hostname);
