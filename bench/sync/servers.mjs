// The relay and the peers' servers, each a process of its own with a folder of its own.
import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));
const running = [];

const freePort = () => new Promise((resolve) => {
  const server = createServer().listen(0, "127.0.0.1", () => {
    const { port } = server.address();
    server.close(() => resolve(port));
  });
});

const commands = {
  freehold: (port, folder) => [path("../../build/freehold"), ["serve", "--listen", `127.0.0.1:${port}`, "--data", folder], {}],
  yjs: (port) => [process.execPath, [path("../relay/node_modules/y-websocket/bin/server.cjs")], { HOST: "127.0.0.1", PORT: port }],
  automerge: (port, folder) => [process.execPath, [path("../relay/node_modules/@automerge/automerge-repo-sync-server/src/index.js")], { PORT: port, DATA_DIR: folder }],
};

/** Starts one and gives its port once it answers. */
export const startServer = async (name, work) => {
  const port = await freePort();
  const [program, args, env] = commands[name](port, join(work, name));
  const server = spawn(program, args, { stdio: "ignore", env: { ...process.env, ...env } });
  running.push(server);
  for (let tries = 0; !(await fetch(`http://127.0.0.1:${port}/`).then(() => true, () => false)); tries++) {
    if (server.exitCode !== null || tries === 500) throw new Error(`${name}: the server does not start`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return port;
};

export const stopServers = () => { for (const server of running) server.kill("SIGKILL"); };
