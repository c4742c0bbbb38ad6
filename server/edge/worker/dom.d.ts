/** What sources that are shared with browsers name of the DOM. */
type Transferable = ArrayBuffer | MessagePort;
