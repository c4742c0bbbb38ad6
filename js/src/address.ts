// Addresses of relays, as an app gives them and as links name them.

const parsed = (text: string): URL | null => {
  try {
    return new URL(text);
  } catch {
    return null;
  }
};
const isThisMachine = (hostname: string): boolean => /^((.+\.)?localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);

/** Over plain HTTP only to this machine: who is on the way would see the ciphertext and could answer for the relay. */
export const isRelay = (text: string): boolean => {
  const url = parsed(text);
  return url !== null && (/^(https|wss):$/.test(url.protocol) || (/^(http|ws):$/.test(url.protocol) && isThisMachine(url.hostname)));
};

/** The address of the host that a link names; null where it is none. */
export const addressOf = (relayHint: string): string | null => {
  const url = parsed(`https://${relayHint}`);
  return url && `${isThisMachine(url.hostname) ? "http" : "https"}://${relayHint}`;
};
