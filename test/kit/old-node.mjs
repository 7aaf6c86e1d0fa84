// Loaded into the program by `node --import`: what it asks for its version says Node 18.
Object.defineProperty(process, "versions", { value: { ...process.versions, node: "18.20.8" } });
