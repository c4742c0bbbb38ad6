export const chromium = async () => { throw new Error("not yet"); };
