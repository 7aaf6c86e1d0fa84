// Loaded into the program by `node --import`: an error that nothing catches, at a time that a test chooses.
process.on("SIGUSR2", () => {
  if (process.env["THROWS"] === "rejection") void Promise.reject(new Error("a planted rejection"));
  else {
    setImmediate(() => {
      throw new Error("a planted exception");
    });
  }
});
