/** The part of the store's contract that is about staging: what waits, who sees it, and what becomes of it after a kill. */
import { expect, test } from 'vitest';
import { readBody, textBody } from '../../shared/io/body.ts';
import type { Store } from '../../shared/io/store.ts';

export interface Subject {
  readonly store: Store;
  /** Another process on the same store stages a value and is killed. */
  stageAndDie?(key: string, text: string): Promise<void>;
  /** It holds all its values in memory. */
  readonly isMemory?: boolean;
  close(): Promise<void>;
}

export async function textOf(store: Store, key: string): Promise<string | undefined> {
  const body = await store.get(key);
  return body && (await readBody(body)).toString();
}

export function staging(subject: () => Subject): void {
  const listed = async (prefix: string) => (await subject().store.list(prefix)).map(({ key }) => key);

  test('what is staged is seen by readers once published, or listed at once where staging is in place', async () => {
    const { store } = subject();
    await store.stage('s/new/1', textBody('draft'));
    await store.stage('s/new/1', textBody('mail'));
    expect(await listed('s/')).toEqual(store.staging === 'apart' ? [] : ['s/new/1']);
    expect(await textOf(store, 's/new/1')).toBe(store.staging === 'apart' ? undefined : 'mail');
    await store.publish('s/new/1');
    await store.publish('s/new/1');
    expect(await textOf(store, 's/new/1')).toBe('mail');
    expect(await listed('s/')).toEqual(['s/new/1']);
  });

  test('publishing never brings back what a reader has taken', async () => {
    const { store } = subject();
    await store.stage('s/new/2', textBody('mail'));
    await store.publish('s/new/2');
    await store.remove('s/new/2');
    await store.publish('s/new/2');
    expect(await store.get('s/new/2')).toBeUndefined();
  });

  test('what was never staged cannot be published, and nothing comes of it', async () => {
    await subject().store.publish('s/new/3');
    expect(await subject().store.get('s/new/3')).toBeUndefined();
  });

  test('remove takes what this process has staged, too', async () => {
    const { store } = subject();
    await store.stage('s/new/4', textBody('mail'));
    await store.remove('s/new/4');
    await store.publish('s/new/4');
    expect(await store.get('s/new/4')).toBeUndefined();
  });

  test('many at once', async () => {
    const { store } = subject();
    const keys = Array.from({ length: 40 }, (_, n) => `many/${n % 4}/new/${n}`).sort();
    await Promise.all(
      keys.map(async (key) => {
        await store.stage(key, textBody(key));
        await store.publish(key);
      }),
    );
    expect(await listed('many/')).toEqual(keys);
  });
}

const stageAndDie = (subject: Subject, key: string, text: string): Promise<void> =>
  subject.stageAndDie?.(key, text) ?? Promise.reject(new Error('a store that stages apart needs a process to kill'));

export function noStrays(store: () => Store): void {
  test('nothing is ever a stray: what is staged is in its place', async () => {
    await store().stage('dead/new/1', textBody('one'));
    for await (const stray of store().strays('')) throw new Error(`${stray.key} is a stray`);
    expect(await textOf(store(), 'dead/new/1')).toBe('one');
  });
}

export function strays(subject: () => Subject): void {
  const collectStrays = async (prefix: string) => {
    const found = [];
    for await (const stray of subject().store.strays(prefix)) found.push(stray);
    return found;
  };

  test('what a living process has staged is no stray', async () => {
    await subject().store.stage('alive/new/1', textBody('x'));
    expect(await collectStrays('alive/')).toEqual([]);
  });

  test('what a killed process has staged is found, and published once or discarded', async () => {
    const { store } = subject();
    await stageAndDie(subject(), 'dead/new/1', 'one');
    await stageAndDie(subject(), 'dead/new/2,S=3', 'two');
    await stageAndDie(subject(), 'other/new/3', 'three');
    const found = await collectStrays('dead/');
    expect(found.map(({ key }) => key).sort()).toEqual(['dead/new/1', 'dead/new/2,S=3']);
    const [first, second] = found.sort((a, b) => (a.key < b.key ? -1 : 1));
    await first?.publish();
    expect(await textOf(store, 'dead/new/1')).toBe('one');
    await store.remove('dead/new/1');
    await first?.publish();
    expect(await store.get('dead/new/1')).toBeUndefined();
    await second?.discard();
    await second?.discard();
    expect(await collectStrays('dead/')).toEqual([]);
    expect((await collectStrays('')).map(({ key }) => key)).toEqual(['other/new/3']);
  });

  test("a killed process's copy of a mail that was published since does not come back", async () => {
    const { store } = subject();
    await stageAndDie(subject(), 'again/new/1', 'mail');
    await store.stage('again/new/1', textBody('mail'));
    await store.publish('again/new/1');
    expect(await textOf(store, 'again/new/1')).toBe('mail');
    expect(await collectStrays('again/')).toEqual([]);
  });

  test('what a killed process had staged is published by whoever knows that it was accepted', async () => {
    const { store } = subject();
    await stageAndDie(subject(), 'later/new/1', 'mail');
    await store.publish('later/new/1');
    expect(await textOf(store, 'later/new/1')).toBe('mail');
    expect(await collectStrays('later/')).toEqual([]);
  });
}
