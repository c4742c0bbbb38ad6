# The Worker under workerd on this machine: `workerd serve build/edge/config.capnp --directory-path data=DIRECTORY`.
# At Cloudflare wrangler.jsonc says the same.
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "relay", worker = .relay),
    (name = "data", disk = (path = "data", writable = true)),
  ],
  sockets = [(name = "http", address = "127.0.0.1:8787", http = (), service = "relay")],
);

const relay :Workerd.Worker = (
  modules = [
    (name = "worker.js", esModule = embed "worker.js"),
    (name = "reactor.wasm", wasm = embed "reactor.wasm"),
    (name = "routes.wasm", wasm = embed "routes.wasm"),
  ],
  compatibilityDate = "2026-10-20",
  bindings = [
    (name = "DOCUMENTS", durableObjectNamespace = (className = "Document")),
    (name = "ORIGINS", text = "https://app.example"),
  ],
  durableObjectNamespaces = [(className = "Document", uniqueKey = "freehold-document", enableSql = true)],
  durableObjectStorage = (localDisk = "data"),
);
