// Hocuspocus on a port, each update sent on by itself, as the others do; by default it merges those of one turn: node hocuspocus.mjs PORT
import { Server } from "@hocuspocus/server";

await new Server({ port: Number(process.argv[2]), address: "127.0.0.1", quiet: true, flushDelay: false, stopOnSignals: false }).listen();
