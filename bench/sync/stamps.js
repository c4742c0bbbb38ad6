// Notes when the vault's worker hears, seals or opens, stores and sends, for whoever asks. Imported before the worker's script.
const stamps = [];
const stamp = (what) => stamps.push([performance.timeOrigin + performance.now(), what]);

const settled = (prototype, names, what) => {
  for (const name of names) {
    const call = prototype[name];
    prototype[name] = function (...args) {
      const answer = call.apply(this, args);
      const landed = () => stamp(what);
      if (answer instanceof Promise) answer.then(landed, landed);
      else landed();
      return answer;
    };
  }
};
settled(SubtleCrypto.prototype, ["encrypt", "decrypt", "sign", "verify", "digest", "importKey", "deriveKey"], "crypto");
settled(FileSystemSyncAccessHandle.prototype, ["flush"], "flushed");

const { transaction } = IDBDatabase.prototype;
IDBDatabase.prototype.transaction = function (stores, mode, ...more) {
  const t = transaction.call(this, stores, mode, ...more);
  if (mode === "readwrite") t.addEventListener("complete", () => stamp("committed"));
  return t;
};

/** A frame is an array whose first element is its type (docs/PROTOCOL.md). */
const typeOf = (data) => new Uint8Array(data.buffer ?? data, data.byteOffset ?? 0, 2)[1];
const NativeSocket = WebSocket;
globalThis.WebSocket = class extends NativeSocket {
  constructor(...args) {
    super(...args);
    this.addEventListener("message", ({ data }) => stamp(`came ${typeOf(data)}`));
  }
  send(data) {
    stamp(`sent ${typeOf(data)}`);
    super.send(data);
  }
};

addEventListener("message", ({ data }) => stamp(`asked ${data?.request?.op}`));
const post = postMessage.bind(globalThis);
globalThis.postMessage = (message, ...more) => {
  stamp(`told ${message?.kind}`);
  post(message, ...more);
};

const channel = new BroadcastChannel("stamps");
channel.addEventListener("message", ({ data }) => { if (data === "when?") channel.postMessage(stamps.splice(0)); });
