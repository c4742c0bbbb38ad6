// Keeps the linear memory of whatever is instantiated after this is imported.
const memories = new Set();
const note = ({ exports }) => { for (const e of Object.values(exports)) if (e instanceof WebAssembly.Memory) memories.add(e); };

const { Instance, instantiate, instantiateStreaming } = WebAssembly;
WebAssembly.Instance = class extends Instance {
  constructor(module, imports) {
    super(module, imports);
    note(this);
  }
};
const noting = (f) => async (source, imports) => {
  const result = await f(source, imports);
  note(result.instance ?? result);
  return result;
};
WebAssembly.instantiate = noting(instantiate);
if (instantiateStreaming !== undefined) WebAssembly.instantiateStreaming = noting(instantiateStreaming);

/** MB of linear memory, all in all. */
export const linear = () => [...memories].reduce((sum, m) => sum + m.buffer.byteLength, 0) / 1e6;
