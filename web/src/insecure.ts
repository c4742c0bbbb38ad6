// Instead of the app where the browser gives no cryptography: pages that came over plain HTTP from another machine.

import { el } from "./dom.ts";

export const insecure = (at: Location): HTMLElement =>
  el("main", { class: "app" },
    el("section", { class: "waiting", "aria-labelledby": "insecure" },
      el("h1", { id: "insecure" }, "Open this over https"),
      el("p", {}, "This page came over plain HTTP. There browsers switch off the cryptography that keeps your notes your own, so nothing can be written here."),
      el("div", { class: "empty-actions" }, el("a", { class: "button primary", href: `https://${at.host}${at.pathname}${at.search}${at.hash}` }, "Try https")),
      el("p", {}, "Whoever runs this server can give it a certificate (freehold serve --tls-cert and --tls-key). On the machine itself, localhost works without one.")));
