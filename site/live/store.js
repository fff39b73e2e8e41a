/** The boxes of photos, kept in this browser so that a closed tab loses nothing (IndexedDB). */

const NAME = "vision-course-live",
  EXAMPLES = "examples",
  NOTES = "notes";

export class Store {
  /** @param {(sentence: string) => void} complain told once, when nothing can be kept */
  constructor(complain) {
    this.complain = complain;
  }

  async #open() {
    this.opened ??= new Promise((resolve, reject) => {
      const asked = indexedDB.open(NAME, 1);
      asked.onupgradeneeded = () => {
        asked.result.createObjectStore(EXAMPLES, { keyPath: "key" });
        asked.result.createObjectStore(NOTES);
      };
      asked.onsuccess = () => resolve(asked.result);
      asked.onerror = () => reject(asked.error);
    });
    return this.opened;
  }

  /** Do something with a store; where the browser refuses, say so once and go on in memory. */
  async #with(name, mode, work) {
    try {
      const database = await this.#open();
      return await new Promise((resolve, reject) => {
        const transaction = database.transaction(name, mode);
        const asked = work(transaction.objectStore(name));
        transaction.oncomplete = () => resolve(asked?.result);
        transaction.onabort = transaction.onerror = () => reject(transaction.error);
      });
    } catch (error) {
      if (!this.told) {
        this.told = true;
        const full = error?.name === "QuotaExceededError";
        this.complain(
          (full
            ? "This browser's storage is full: "
            : "This browser keeps no data for this page: ") +
            "go on working; photos added from now on are gone when the tab is closed.",
        );
      }
      return undefined;
    }
  }

  put = (example) => this.#with(EXAMPLES, "readwrite", (store) => store.put(example));
  remove = (key) => this.#with(EXAMPLES, "readwrite", (store) => store.delete(key));
  all = async () => (await this.#with(EXAMPLES, "readonly", (store) => store.getAll())) ?? [];
  note = (name, value) => this.#with(NOTES, "readwrite", (store) => store.put(value, name));
  noted = (name) => this.#with(NOTES, "readonly", (store) => store.get(name));

  async clear() {
    await this.#with(EXAMPLES, "readwrite", (store) => store.clear());
    await this.#with(NOTES, "readwrite", (store) => store.clear());
  }
}
