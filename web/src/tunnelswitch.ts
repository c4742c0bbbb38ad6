// The tunnel: a switch that really closes every socket, so that one can watch what a network is needed for.

import { el } from "./dom.ts";
import { icon } from "./icons.ts";

export interface TunnelSwitch {
  readonly el: HTMLButtonElement;
  readonly on: boolean;
}

const KEY = "tunnel";

/** `enter` and `leave` close and reopen the sockets. The state belongs to the tab and survives its reload. */
export const tunnelSwitch = (o: { readonly enter: () => void; readonly leave: () => void; readonly changed: (on: boolean) => void }): TunnelSwitch => {
  let on = sessionStorage.getItem(KEY) === "1";
  const show = (): void => {
    root.setAttribute("aria-checked", String(on));
    o.changed(on);
  };
  const root = el("button", {
    type: "button", class: "button switch", role: "switch", title: "Close every connection, as a tunnel would",
    on: {
      click: () => {
        on = !on;
        if (on) sessionStorage.setItem(KEY, "1");
        else sessionStorage.removeItem(KEY);
        if (on) o.enter();
        else o.leave();
        show();
      },
    },
  }, icon("tunnel"), el("span", { class: "label" }, "Tunnel"), el("span", { class: "switch-track", "aria-hidden": "true" }, el("span", { class: "switch-thumb" })));
  if (on) o.enter();
  root.setAttribute("aria-checked", String(on));
  return { el: root, get on() { return on; } };
};
