/**
 * Where answers are kept: IndexedDB of this browser, and memory where that is refused or full.
 * Nothing leaves the machine.
 */

import { inOrder, keyOf } from "./answers.js";

const DATABASE = "vision-course";
const TABLE = "answers";
const PATIENCE = 4000; // milliseconds: some browsers never answer a page opened from a file

export const REFUSED =
  "This browser stores nothing for this page: your answers are kept until you leave it, so " +
  "export them before.";
export const FULL =
  "This browser has no room left to store answers: the newest ones are kept until you leave this " +
  "page, so export them before.";

export class Store {
  /** @param {IDBFactory|undefined} factory */
  constructor(factory) {
    this.kept = new Map(); // what the browser couldn't store
    this.trouble = ""; // in one sentence; empty while all is well
    this.listeners = new Set();
    this.database = opened(factory).catch(() => {
      this.trouble = REFUSED;
      return null;
    });
  }

  /** Calls back whenever answers were added or deleted. */
  onChange(listener) {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** All answers, in their order. */
  async all() {
    const stored = await this.#read();
    return inOrder([...new Map([...stored, ...this.kept]).values()]);
  }

  /**
   * Keeps one answer.
   * @param {import("./answers.js").Answered} answered
   */
  async add(answered) {
    await this.#keep([answered]);
    this.changed();
  }

  /** Adds answers from a file; returns how many are new. Those that are here stay as they are. */
  async merge(answers) {
    const known = new Set((await this.all()).map(keyOf));
    const fresh = new Map(answers.map((answered) => [keyOf(answered), answered]));
    for (const key of known) fresh.delete(key);
    await this.#keep([...fresh.values()]);
    this.changed();
    return fresh.size;
  }

  /** Deletes all answers; whether the browser's own copies are gone as well. */
  async clear() {
    this.kept.clear();
    const database = await this.database;
    let done = true;
    if (database) {
      done = await written(database, (table) => table.clear()).then(
        () => true,
        () => false,
      );
    }
    this.changed();
    return done;
  }

  async #read() {
    const database = await this.database;
    if (!database) return [];
    try {
      const table = database.transaction(TABLE).objectStore(TABLE);
      return (await settled(table.getAll())).map((answered) => [keyOf(answered), answered]);
    } catch {
      this.trouble = REFUSED;
      return [];
    }
  }

  /** Stores answers together with those that found no room before. */
  async #keep(answers) {
    for (const answered of answers) this.kept.set(keyOf(answered), answered);
    const database = await this.database;
    if (!database) return;
    const waiting = [...this.kept];
    try {
      await written(database, (table) => {
        for (const [key, answered] of waiting) table.put(answered, key);
      });
    } catch (error) {
      this.trouble = error?.name === "QuotaExceededError" ? FULL : REFUSED;
      return;
    }
    for (const [key] of waiting) this.kept.delete(key);
    if (this.kept.size === 0) this.trouble = "";
  }

  /** Tells everybody that answers may have changed. */
  changed() {
    for (const listener of this.listeners) listener();
  }
}

function opened(factory) {
  return new Promise((resolve, reject) => {
    const request = factory.open(DATABASE, 1);
    const waited = setTimeout(() => reject(new Error("no answer")), PATIENCE);
    request.onupgradeneeded = () => request.result.createObjectStore(TABLE);
    request.onerror = () => reject(request.error);
    request.onsuccess = () => {
      clearTimeout(waited);
      // Another page may have to delete or change it.
      request.result.onversionchange = () => request.result.close();
      resolve(request.result);
    };
  });
}

function settled(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** Resolves when a change is on the disk, so that closing the tab loses nothing. */
function written(database, change) {
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(TABLE, "readwrite", { durability: "strict" });
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
    change(transaction.objectStore(TABLE));
  });
}

let shared;

/** The one store of this page. */
export function store() {
  if (!shared) {
    shared = new Store(refusedOrNot());
    // Another tab may have added answers meanwhile.
    document.addEventListener("visibilitychange", () => document.hidden || shared.changed());
  }
  return shared;
}

function refusedOrNot() {
  try {
    return globalThis.indexedDB;
  } catch {
    return undefined; // reading the name alone may be forbidden
  }
}
