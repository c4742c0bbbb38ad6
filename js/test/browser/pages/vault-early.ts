// The vault on stores that report 500 ms before they write: the first control of the kill test.

import { openCopies, chooseStores } from "../../../src/store/copies.ts";
import { earlyStore } from "../../harness/leakystores.ts";
import { startWorkerVault } from "./vaultport.ts";

startWorkerVault(async (name, o) => openCopies(name, { ...o, stores: (await chooseStores(name)).map(earlyStore) }));
