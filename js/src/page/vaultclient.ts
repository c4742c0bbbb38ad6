// Requests to the vault and their answers. Every request gets exactly one.

import { FreeholdError } from "../errors.ts";
import type { FromVault, Port, Replies, Request, ToVault } from "../protocol.ts";
import { problemToError } from "./progress.ts";

interface Pending {
  readonly resolve: (reply: never) => void;
  readonly reject: (e: FreeholdError) => void;
}
/** What the vault says unasked. */
export type VaultEvent = Exclude<FromVault, { readonly kind: "reply" | "error" }>;

/** Must: when the vault is gone, every pending request rejects and every later one does at once. */
export class VaultClient {
  readonly #port: Port<ToVault, FromVault>;
  readonly #pendingById: Map<number, Pending> = new Map();
  #next = 1;
  #gone: FreeholdError | null = null;

  constructor(port: Port<ToVault, FromVault>, hear: (e: VaultEvent) => void) {
    this.#port = port;
    port.listen((m) => {
      if (m.kind !== "reply" && m.kind !== "error") return hear(m);
      const pending = this.#pendingById.get(m.id);
      this.#pendingById.delete(m.id);
      if (m.kind === "reply") pending?.resolve(m.reply as never);
      else pending?.reject(problemToError(m.problem));
    });
  }

  request<R extends Request>(request: R, transfer?: Transferable[]): Promise<Replies[R["op"]]> {
    if (this.#gone !== null) return Promise.reject(this.#gone);
    return new Promise((resolve, reject) => {
      const id = this.#next++;
      this.#pendingById.set(id, { resolve, reject });
      this.#port.post({ id, request }, transfer);
    });
  }
  close(e: FreeholdError): void {
    this.#gone = e;
    for (const { reject } of this.#pendingById.values()) reject(e);
    this.#pendingById.clear();
    this.#port.close();
  }
}
