/** The page's side of the worker: calls as promises, and news as they come. */

/** An error whose message is a sentence for the student. */
export class Told extends Error {}

export class Engine {
  /** @param {(news: object) => void} onNews */
  constructor(script, onNews) {
    this.worker = new Worker(script, { type: "module" });
    this.waiting = new Map();
    this.count = 0;
    this.onNews = onNews;
    this.worker.addEventListener("message", ({ data }) => this.#receive(data));
    this.worker.addEventListener("error", (event) => {
      event.preventDefault();
      const reason = event.message || "its script could not be loaded";
      this.#fail(`The page's second thread stopped (${reason}): reload the page.`);
    });
  }

  /** @returns {Promise<any>} what the worker's method of that name gives */
  call(method, args = {}, transfer = []) {
    if (this.broken) return Promise.reject(new Told(this.broken));
    const id = ++this.count;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.worker.postMessage({ id, method, args }, transfer);
    });
  }

  #receive({ id, result, told, error, news }) {
    if (news) return this.onNews(news);
    const { resolve, reject } = this.waiting.get(id);
    this.waiting.delete(id);
    if (told) reject(new Told(told));
    else if (error) reject(new Error(error));
    else resolve(result);
  }

  #fail(sentence) {
    this.broken = sentence;
    for (const { reject } of this.waiting.values()) reject(new Told(sentence));
    this.waiting.clear();
  }
}
