// The vault with sealing switched off, for the control of the blindness test: signatures and framing stay, the cipher passes its input through.

import "../../src/vault/worker.ts";

const TAG = 16;
const bytesOf = (data: BufferSource): Uint8Array => (data instanceof ArrayBuffer ? new Uint8Array(data) : new Uint8Array(data.buffer, data.byteOffset, data.byteLength));

Object.defineProperties(crypto.subtle, {
  encrypt: {
    value: async (_algorithm: unknown, _key: unknown, data: BufferSource): Promise<ArrayBuffer> => {
      const plain = bytesOf(data);
      const out = new Uint8Array(plain.length + TAG);
      out.set(plain);
      return out.buffer;
    },
  },
  decrypt: { value: async (_algorithm: unknown, _key: unknown, data: BufferSource): Promise<ArrayBuffer> => bytesOf(data).slice(0, -TAG).buffer as ArrayBuffer },
});
