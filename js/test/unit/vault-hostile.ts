// A writer of a document that is on a relay, who seals what he likes.

import assert from "node:assert/strict";
import { sealer } from "../../src/seal/seal.ts";
import { encodeFrame, MEDIA_TYPE } from "../../src/wire/wire.ts";
import { newWriter } from "./seal-fixture.ts";

export const hostile = async (relay: string, link: string) => {
  const { doc, rights, secret } = await sealer.parseLink(link);
  const genesis = new Uint8Array(await (await fetch(`${relay}/v1/docs/${doc}/genesis`)).arrayBuffer());
  const by = await newWriter(doc, rights, secret, genesis);
  const append = async (envelopes: readonly Uint8Array[]): Promise<void> => {
    const body = encodeFrame({ type: "append", doc, req: 1, cert: by.cert, envelopes, covers: null });
    const answer = await fetch(`${relay}/v1/docs/${doc}`, { method: "POST", headers: { "Content-Type": MEDIA_TYPE }, body });
    assert.equal(answer.status, 200, await answer.text());
  };
  /** Four envelopes for five places: one that does not decode, one that does not decrypt, a pack that does not, and one as it should be. */
  const spoil = async (): Promise<void> => {
    const update = sealer.encodeUpdate({ deps: [], update: new Uint8Array() });
    const hash = sealer.sha256;
    const none = await by.seal(0, await hash(by.cert), Uint8Array.of(0, 255, 255));
    const bad = await by.seal(1, await hash(none), update, { garbled: true });
    const third = await by.seal(2, await hash(bad), update);
    const end = await hash(await by.seal(3, await hash(third), update));
    const pack = await by.seal(3, await hash(bad), sealer.encodePack([update, update]), { first: 2, end, garbled: true });
    await append([none, bad, pack, await by.seal(4, end, update)]);
  };
  return { ...by, append, spoil };
};
