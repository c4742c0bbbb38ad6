// WebSocket connections to a relay for tests in Node, which has no WebSocket of its own before version 22.

import { createRequire } from "node:module";
import { webSocketWire, type OpenWire, type Socket } from "../../src/wire/socket.ts";

const { WebSocket } = createRequire(import.meta.url)("ws") as { readonly WebSocket: new (url: string, protocol: string) => Socket };

export const openSocket: OpenWire = webSocketWire((url, protocol) => new WebSocket(url, protocol));
