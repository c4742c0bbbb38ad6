// Installing the app, where the browser offers it to pages (Chromium).

interface InstallPrompt extends Event {
  prompt(): Promise<unknown>;
}

export interface Installer {
  readonly available: boolean;
  install(): Promise<void>;
}

/** `changed` is called when it becomes available or stops being so. */
export const installer = (changed: () => void): Installer => {
  let prompt: InstallPrompt | null = null;
  const set = (to: InstallPrompt | null): void => {
    prompt = to;
    changed();
  };
  addEventListener("beforeinstallprompt", (event) => {
    event.preventDefault();
    set(event as InstallPrompt);
  });
  addEventListener("appinstalled", () => set(null));
  return {
    get available() { return prompt !== null; },
    async install() {
      // A prompt may be shown once.
      const once = prompt;
      set(null);
      await once?.prompt();
    },
  };
};
