// The vault on files whose handles drop what they did not write out, and nothing else: the second control of the kill test.

import { openCopies } from "../../../src/store/copies.ts";
import { FileStore } from "../../../src/store/filestore.ts";
import { opfsFiles } from "../../../src/store/opfs.ts";
import { forgetfulFiles } from "../../harness/leakystores.ts";
import { startWorkerVault } from "./vaultport.ts";

startWorkerVault((name, o) => openCopies(name, { ...o, stores: [new FileStore(forgetfulFiles(opfsFiles(name)))] }));
