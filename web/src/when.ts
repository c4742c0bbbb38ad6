// When something changed, as briefly as a list has room for.

const MINUTE = 60_000, DAY = 86_400_000;

/** "now", "5 min", "14:03", "Tue", "3 Nov", "3 Nov 2024". Both in milliseconds since the epoch. */
export const ago = (changed: number, now: number): string => {
  const passed = now - changed, then = new Date(changed), today = new Date(now);
  if (passed < MINUTE) return "now";
  if (passed < 60 * MINUTE) return `${Math.floor(passed / MINUTE)} min`;
  if (then.toDateString() === today.toDateString()) return then.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  if (passed < 6 * DAY) return then.toLocaleDateString([], { weekday: "short" });
  return then.toLocaleDateString([], { day: "numeric", month: "short", ...(then.getFullYear() === today.getFullYear() ? {} : { year: "numeric" }) });
};
