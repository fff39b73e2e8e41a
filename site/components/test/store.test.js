import "fake-indexeddb/auto";
import assert from "node:assert/strict";
import test from "node:test";

import { IDBFactory } from "fake-indexeddb";

import { FULL, REFUSED, Store } from "../store.js";

const answer = (item, second = 0) => ({
  at: `2026-03-01T12:00:0${second}.000Z`, item, way: "quiz", lesson: "05_resnet", right: true,
});
const items = async (store) => (await store.all()).map(({ item }) => item);

test("answers are there again after a reload", async () => {
  const factory = new IDBFactory();
  const store = new Store(factory);
  await store.add(answer("b", 1));
  await store.add(answer("a"));
  assert.deepEqual(await items(new Store(factory)), ["a", "b"]);
  assert.equal(store.trouble, "");
});

test("a file is merged without doubling", async () => {
  const store = new Store(new IDBFactory());
  await store.add(answer("a"));
  const sameMoment = { ...answer("a"), at: "2026-03-01T13:00:00+01:00" };
  assert.equal(await store.merge([sameMoment, answer("b"), answer("b")]), 1);
  assert.equal(await store.merge([sameMoment, answer("b")]), 0);
  assert.deepEqual(await items(store), ["a", "b"]);
});

test("what is deleted stays deleted, and listeners hear of it", async () => {
  const factory = new IDBFactory();
  const store = new Store(factory);
  let heard = 0;
  const stop = store.onChange(() => (heard += 1));
  await store.add(answer("a"));
  assert.ok(await store.clear());
  stop();
  await store.add(answer("b"));
  assert.equal(heard, 2);
  assert.deepEqual(await items(new Store(factory)), ["b"]);
});

test("where storing is refused, answers stay in memory, and a sentence says so", async () => {
  const refusing = { open: () => { throw new Error("SecurityError"); } };
  for (const factory of [undefined, refusing]) {
    const store = new Store(factory);
    await store.add(answer("a"));
    assert.deepEqual(await items(store), ["a"]);
    assert.equal(store.trouble, REFUSED);
    await store.clear();
    assert.deepEqual(await items(store), []);
  }
});

test("where there is no room, new answers stay in memory until there is", async () => {
  const store = new Store(new IDBFactory());
  await store.add(answer("a"));
  const database = await store.database;
  const transaction = database.transaction;
  database.transaction = (table, mode, options) => {
    if (mode === "readwrite") throw new DOMException("full", "QuotaExceededError");
    return transaction.call(database, table, mode, options);
  };
  await store.add(answer("b", 1));
  assert.deepEqual(await items(store), ["a", "b"]);
  assert.equal(store.trouble, FULL);
  database.transaction = transaction;
  await store.add(answer("c", 2));
  assert.equal(store.trouble, "");
  assert.equal(store.kept.size, 0);
  assert.deepEqual(await items(store), ["a", "b", "c"]);
});
