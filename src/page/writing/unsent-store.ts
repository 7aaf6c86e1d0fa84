import type { KeptRoom, UnsentStore } from "./unsent.ts";

const DATABASE = "dynochat";
const TABLE = "unsent";

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** Returns whether a value has the format of this version. */
export function isKeptRoom(value: unknown): value is KeptRoom {
  if (typeof value !== "object" || value === null) return false;
  return "owner" in value && "room" in value && "items" in value && Array.isArray(value.items);
}

/**
 * Opens the table for one use: an open connection would block another version of the page that changes the
 * tables.
 */
async function withTable<T>(
  mode: IDBTransactionMode,
  use: (table: IDBObjectStore) => T,
): Promise<Awaited<T>> {
  const opening = indexedDB.open(DATABASE, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(TABLE, { keyPath: ["owner", "room"] });
  const database = await settled(opening);
  try {
    return await use(database.transaction(TABLE, mode).objectStore(TABLE));
  } finally {
    database.close();
  }
}

/** The store in the browser's IndexedDB, which all tabs of the site share. */
export const indexedUnsentStore: UnsentStore = {
  load: () =>
    withTable("readonly", async (table) => {
      const rows: unknown[] = await settled(table.getAll());
      return rows.filter(isKeptRoom);
    }),
  save: (rows, gone) =>
    withTable("readwrite", (table) => {
      for (const { owner, room } of gone) table.delete([owner, room]);
      for (const row of rows) {
        if (row.items.length > 0) table.put(row);
        else table.delete([row.owner, row.room]);
      }
      return new Promise<void>((resolve, reject) => {
        table.transaction.oncomplete = () => resolve();
        table.transaction.onabort = () => reject(table.transaction.error);
      });
    }),
};
