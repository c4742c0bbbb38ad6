// The part of WASI preview 1 that the Go runtime imports (docs/BOUNDARY.md). No file, socket or sleep: the core is pure.

const ESUCCESS = 0;
const EBADF = 8;
const ENOSYS = 52;
const RANDOM_CHUNK = 65_536; // crypto.getRandomValues refuses more at once

/** What the Go runtime prints before it dies ("panic: …", a stack): kept so that the error can carry it. */
export interface Wasi {
  readonly imports: WebAssembly.ModuleImports;
  /** Must be called once, before the first export. */
  attach(memory: WebAssembly.Memory): void;
  printed(): string;
}

/** `env`: what Go's runtime reads at start, such as GOGC. */
export const wasi = (env: Readonly<Record<string, string>>): Wasi => {
  let memory: WebAssembly.Memory;
  let printed = "";
  const view = (): DataView => new DataView(memory.buffer);
  const bytes = (at: number, n: number): Uint8Array<ArrayBuffer> => new Uint8Array(memory.buffer as ArrayBuffer, at >>> 0, n);
  const vars = Object.entries(env).map(([k, v]) => new TextEncoder().encode(`${k}=${v}\0`));
  const start = performance.now();

  const strings = (list: readonly Uint8Array[]): { sizes: (n: number, len: number) => number; get: (ptrs: number, buf: number) => number } => ({
    sizes(n, len) {
      view().setUint32(n, list.length, true);
      view().setUint32(len, list.reduce((sum, s) => sum + s.length, 0), true);
      return ESUCCESS;
    },
    get(ptrs, buf) {
      for (const s of list) {
        view().setUint32(ptrs, buf, true);
        bytes(buf, s.length).set(s);
        ptrs += 4;
        buf += s.length;
      }
      return ESUCCESS;
    },
  });
  const args = strings([new TextEncoder().encode("freehold\0")]);
  const environ = strings(vars);

  const imports: WebAssembly.ModuleImports = {
    args_sizes_get: args.sizes,
    args_get: args.get,
    environ_sizes_get: environ.sizes,
    environ_get: environ.get,
    // Clock 0 is wall time, 1 monotonic; both in nanoseconds. Only the garbage collector's pacing looks at it. The monotonic one begins
    // at a millisecond: Go ends at once when it reads 0, and browsers that round their clocks say so for a millisecond or more.
    clock_time_get(id: number, _precision: bigint, out: number) {
      const ms = id === 0 ? Date.now() : performance.now() - start + 1;
      view().setBigUint64(out, BigInt(Math.round(ms * 1e6)), true);
      return ESUCCESS;
    },
    random_get(at: number, n: number) {
      for (let done = 0; done < n; done += RANDOM_CHUNK) crypto.getRandomValues(bytes(at + done, Math.min(RANDOM_CHUNK, n - done)));
      return ESUCCESS;
    },
    fd_write(_fd: number, iovs: number, n: number, written: number) {
      let total = 0;
      for (let i = 0; i < n; i++) {
        const at = view().getUint32(iovs + 8 * i, true);
        const len = view().getUint32(iovs + 8 * i + 4, true);
        if (printed.length < 8192) printed += new TextDecoder().decode(bytes(at, len));
        total += len;
      }
      view().setUint32(written, total, true);
      return ESUCCESS;
    },
    proc_exit(code: number) {
      throw new Error(`the core exited with ${code}: ${printed}`);
    },
    sched_yield: () => ESUCCESS,
    poll_oneoff: () => ENOSYS,
    fd_read: () => EBADF,
    fd_close: () => EBADF,
    fd_seek: () => EBADF,
    fd_fdstat_get: () => EBADF,
    fd_fdstat_set_flags: () => EBADF,
    fd_prestat_get: () => EBADF,
    fd_prestat_dir_name: () => EBADF,
  };
  return {
    imports,
    attach: (m) => {
      memory = m;
    },
    printed: () => printed,
  };
};
