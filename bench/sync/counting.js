// Counts the calls to Web Crypto of whoever imports it first, and answers who asks: the page, and the vault's worker, each for itself.
const count = { calls: 0, flying: 0, most: 0 };
for (const name of ["encrypt", "decrypt", "sign", "verify", "digest", "generateKey", "deriveKey", "deriveBits", "importKey", "exportKey", "wrapKey", "unwrapKey"]) {
  const call = SubtleCrypto.prototype[name];
  SubtleCrypto.prototype[name] = function (...args) {
    count.calls++;
    count.most = Math.max(count.most, ++count.flying);
    const landed = () => { count.flying--; };
    const answer = call.apply(this, args);
    answer.then(landed, landed);
    return answer;
  };
}
const channel = new BroadcastChannel("crypto-calls");
channel.addEventListener("message", ({ data }) => {
  if (data === "how many?") channel.postMessage({ calls: count.calls, most: count.most, where: typeof document === "undefined" ? "worker" : "page" });
});
