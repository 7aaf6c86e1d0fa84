// Runs anew in each test file; the modules that it imports are loaded once per worker.
import { afterAll } from "vitest";
import { endFile } from "./cleanup.ts";

afterAll(endFile);
