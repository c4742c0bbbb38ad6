// Where the app starts.

import { freehold, type FreeholdError } from "freehold";
import { startApp } from "./app.ts";
import { insecure } from "./insecure.ts";

const start = (): void => {
  let hear: (error: FreeholdError) => void = () => { /* replaced before anything can fail */ };
  const home = freehold({
    name: "notes",
    relay: location.origin, // whoever serves the app relays for it; a document goes on without
    onProblem: (error) => hear(error),
  });
  startApp(document.body, home, (listener) => { hear = listener; });
};

if (isSecureContext) start();
else document.body.append(insecure(location));
