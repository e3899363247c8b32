/**
 * Object storage: what is put is there, at once and for all; a listing may lag behind it. A call may fail without having
 * happened, or having happened.
 */
import { type Body, bytesBody, readBody } from '../../shared/io/body.ts';
import { type Listed, type Store, StoreError } from '../../shared/io/store.ts';
import { checkKey, checkLimit, checkPrefix } from '../../shared/io/store-key.ts';
import { around } from './around.ts';
import { currentProcess, Killed, type Process } from './simulation.ts';

const BYTES_MAX = 100_000_000;

interface Object_ {
  readonly bytes: Buffer;
  readonly time: number;
  /** Since when listings have it, simulated milliseconds. */
  readonly listedFrom: number;
  /** It is gone, and listings have it until then. */
  readonly goneFrom?: number;
}

export class Bucket {
  readonly objects = new Map<string, Object_>();
}

let bucket: Bucket | undefined;

export const attachBucket = (to: Bucket): void => {
  bucket = to;
};

export function openBucket(): Store {
  const process = currentProcess();
  if (!bucket || !process) throw new Error('nobody opens a bucket');
  return new BucketStore(bucket, process);
}

class BucketStore implements Store {
  readonly staging = 'in place';
  readonly #bucket: Bucket;
  readonly #process: Process;

  constructor(bucket: Bucket, process: Process) {
    this.#bucket = bucket;
    this.#process = process;
  }

  async put(key: string, body: Body): Promise<void> {
    checkKey(key);
    const bytes = await readBody(body, BYTES_MAX);
    await this.#write(key, () => this.#set(key, bytes));
  }

  create = async (key: string, body: Body): Promise<boolean> => {
    checkKey(key);
    const bytes = await readBody(body, BYTES_MAX);
    return this.#write(key, () => {
      if (this.#there(key)) return false;
      this.#set(key, bytes);
      return true;
    });
  };

  stage(key: string, body: Body): Promise<void> {
    return this.put(key, body);
  }

  async publish(key: string): Promise<void> {
    checkKey(key);
  }

  async remove(key: string): Promise<void> {
    checkKey(key);
    await this.#write(key, () => {
      const there = this.#there(key);
      const lagMs = there ? this.#lagMs() : 0;
      if (there && lagMs > 0) this.#bucket.objects.set(key, { ...there, goneFrom: around().simulation.now + lagMs });
      else this.#bucket.objects.delete(key);
    });
  }

  async get(key: string): Promise<Body | undefined> {
    checkKey(key);
    await this.#pass(`get ${key}`);
    const there = this.#there(key);
    return there && bytesBody(there.bytes);
  }

  async list(
    prefix: string,
    { after = '', limit = 1000 }: { readonly after?: string; readonly limit?: number } = {},
  ): Promise<readonly Listed[]> {
    checkPrefix(prefix);
    checkLimit(limit);
    await this.#pass(`list ${prefix}`);
    const keys: string[] = [];
    for (const [key, object] of this.#bucket.objects)
      if (key.startsWith(prefix) && key > after && this.#isListed(object)) keys.push(key);
    return keys
      .sort()
      .slice(0, limit)
      .flatMap((key) => {
        const object = this.#bucket.objects.get(key);
        return object ? [{ key, size: object.bytes.length, time: object.time }] : [];
      });
  }

  async *strays(): AsyncGenerator<never> {}

  #there(key: string): Object_ | undefined {
    const object = this.#bucket.objects.get(key);
    return object?.goneFrom === undefined ? object : undefined;
  }

  #set(key: string, bytes: Buffer): void {
    const { simulation } = around();
    const listedFrom = this.#there(key)?.listedFrom ?? simulation.now + this.#lagMs();
    this.#bucket.objects.set(key, { bytes, time: simulation.clock(), listedFrom });
  }

  #lagMs(): number {
    const { faults, simulation } = around();
    if (faults.calm || faults.rates.listLag === 0 || !simulation.delays.one(0.3)) return 0;
    faults.count('listLag');
    return faults.rates.listLag * 1_000 * simulation.delays.next();
  }

  #isListed({ listedFrom, goneFrom }: Object_): boolean {
    const { now } = around().simulation;
    return listedFrom <= now && (goneFrom === undefined || goneFrom > now);
  }

  async #pass(what: string): Promise<void> {
    const { simulation, faults } = around();
    if (!this.#process.alive) throw new Killed(`${this.#process.machine.name} was killed`);
    await simulation.wait(faults.delay(1, 40));
    simulation.note(what);
  }

  async #write<T>(key: string, act: () => T): Promise<T> {
    await this.#pass(`write ${key}`);
    const { faults, simulation } = around();
    const strike = faults.ofWrite();
    if (strike) this.#process.troubles.push(simulation.now);
    if (strike === 'fails') throw new StoreError(`the bucket does not take ${key}`);
    if (strike === 'killed before' || strike === 'cut before') throw around().die(this.#process, strike);
    const result = act();
    if (strike === 'killed after' || strike === 'cut after') throw around().die(this.#process, strike);
    // The answer has its way to go, too.
    await simulation.wait(faults.delay(1, 40));
    if (strike === 'fails, done') throw new StoreError(`the bucket did not say whether it took ${key}`);
    return result;
  }
}
