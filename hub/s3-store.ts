/**
 * A bucket as a store: any S3 server, by the calls that all of them have (PUT with a known length and its MD5, GET with
 * a range, HEAD, LIST, DELETE one by one). Exclusive creation by `If-None-Match: *` is there only where a probe at the
 * start has shown that this server means it. Staging is in place: a bucket has no rename, so readers ask for the seen
 * record of what they find.
 */
import { createHash, randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type PutObjectCommandInput,
  S3Client,
} from '@aws-sdk/client-s3';
import { type Body, readBody } from '../shared/io/body.ts';
import { type Listed, type Store, StoreError, type Stray } from '../shared/io/store.ts';
import { checkKey, checkLimit, checkPrefix, isKey, LIMIT_MAX } from '../shared/io/store-key.ts';
import { type FetchedPart, S3Body } from './s3-body.ts';
import { isConflict, isMissingKey, isNoRange, isTaken, s3Fault } from './s3-fault.ts';
import { probeStore } from './s3-probe.ts';

export interface S3Options {
  readonly bucket: string;
  /** Leave out for AWS. */
  readonly endpoint?: string;
  readonly region: string;
  /** All keys are put below this folder of the bucket. */
  readonly prefix: string;
  readonly pathStyle: boolean;
  /** Default: the SDK's chain (environment, ~/.aws, the machine's role). */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** Tries the bucket, and throws a StoreError that names it and the remedy when it does not work. */
export async function openS3Store(options: S3Options): Promise<Store> {
  const store = new S3Store(options);
  const create: Store['create'] & {} = (key, body) => store.createOnce(key, body);
  return (await probeStore(store, create)) ? Object.assign(store, { create }) : store;
}

/** To look at only: it is not tried whether the bucket can be written to. */
export const readS3Store = (options: S3Options): Store => new S3Store(options);

/** Held in memory while it is sent, so that the SDK may send it again; larger ones are streamed, and not sent again. */
const BUFFERED_BYTES_MAX = 1_048_576;
const TRIES_MAX = 3;
const CONNECT_MS_MAX = 5_000;
/** Without a byte in either direction. */
const SILENCE_MS_MAX = 20_000;
const CONNECTIONS_MAX = 32;

const ignore = (): void => {};
/** The SDK would write its warnings among our log lines; what they warn of arrives here as an error. */
const SILENT = { trace: ignore, debug: ignore, info: ignore, warn: ignore, error: ignore };

/** Of an object. */
interface Address {
  readonly Bucket: string;
  readonly Key: string;
}

class BrokenOff extends Error {
  override readonly name = 'BrokenOff';
}

class S3Store implements Store {
  readonly staging = 'in place';
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #prefix: string;
  readonly #where: string;

  constructor({ bucket, endpoint, region, prefix, pathStyle, credentials }: S3Options) {
    this.#bucket = bucket;
    this.#prefix = prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`;
    checkPrefix(this.#prefix);
    this.#where = `bucket ${bucket} at ${endpoint === undefined ? `AWS ${region}` : new URL(endpoint).host}`;
    this.#client = new S3Client({
      region,
      forcePathStyle: pathStyle,
      maxAttempts: TRIES_MAX,
      logger: SILENT,
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      requestHandler: {
        connectionTimeout: CONNECT_MS_MAX,
        socketTimeout: SILENCE_MS_MAX,
        httpAgent: { keepAlive: true, maxSockets: CONNECTIONS_MAX },
        httpsAgent: { keepAlive: true, maxSockets: CONNECTIONS_MAX },
      },
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(credentials === undefined ? {} : { credentials }),
    });
  }

  async put(key: string, body: Body): Promise<void> {
    const at = this.#at(key);
    await this.#ask(`write ${key}`, async () => {
      await this.#client.send(new PutObjectCommand({ ...at, ...(await payload(body)) }));
    });
  }

  /**
   * Each call marks its object with a nonce. When the answer to our own request was lost and the SDK asked again, the
   * server says that the key is taken; the nonce tells whether by us.
   */
  async createOnce(key: string, body: Body): Promise<boolean> {
    const at = this.#at(key);
    const nonce = randomUUID();
    return this.#ask(`create ${key}`, async () => {
      for (let tries = 1; ; tries++) {
        try {
          const input = { ...at, ...(await payload(body)), IfNoneMatch: '*', Metadata: { nonce } };
          await this.#client.send(new PutObjectCommand(input));
          return true;
        } catch (error) {
          if (isTaken(error)) return (await this.#nonce(at)) === nonce;
          // Somebody else is at it; the server does not know yet how that ends.
          if (!isConflict(error) || tries === TRIES_MAX) throw error;
        }
      }
    });
  }

  async get(key: string): Promise<Body | undefined> {
    const at = this.#at(key);
    return this.#ask(`read ${key}`, () =>
      S3Body.open(key, (start, end) => this.#ask(`read ${key}`, () => this.#fetch(at, start, end))),
    );
  }

  async list(
    prefix: string,
    { after, limit = LIMIT_MAX }: { readonly after?: string; readonly limit?: number } = {},
  ): Promise<readonly Listed[]> {
    checkPrefix(prefix);
    checkLimit(limit);
    return this.#ask(`list ${prefix}`, async () => {
      const page: Listed[] = [];
      let start = after;
      for (let more = true; more && page.length < limit; ) {
        const part = await this.#listPart(prefix, start, limit - page.length);
        page.push(...part.found);
        start = part.last;
        more = part.more;
      }
      return page;
    });
  }

  async remove(key: string): Promise<void> {
    const at = this.#at(key);
    await this.#ask(`remove ${key}`, async () => {
      try {
        await this.#client.send(new DeleteObjectCommand(at));
      } catch (error) {
        if (!isMissingKey(error)) throw error;
      }
    });
  }

  stage(key: string, body: Body): Promise<void> {
    return this.put(key, body);
  }

  async publish(key: string): Promise<void> {
    checkKey(key);
  }

  /** None: what is staged is in its place, and its seen record tells readers whether to take it. */
  strays(prefix: string): AsyncIterable<Stray> {
    checkPrefix(prefix);
    return Readable.from([]);
  }

  #at(key: string): Address {
    checkKey(key);
    return { Bucket: this.#bucket, Key: this.#prefix + key };
  }

  async #nonce(at: Address): Promise<string | undefined> {
    return (await this.#client.send(new HeadObjectCommand(at))).Metadata?.nonce;
  }

  /** A part of an object, whole in memory. Undefined when there is no such object. */
  async #fetch(at: Address, start: number, end: number): Promise<FetchedPart | undefined> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#fetchOnce({ ...at, Range: `bytes=${start}-${end - 1}` });
      } catch (error) {
        if (isMissingKey(error)) return undefined;
        if (isNoRange(error) && start === 0) return { bytes: new Uint8Array(), size: 0, version: undefined };
        // The SDK asks again where there was no answer, but not where the answer broke off.
        if (!(error instanceof BrokenOff) || tries === TRIES_MAX) throw error;
      }
    }
  }

  async #fetchOnce(range: Address & { Range: string }): Promise<FetchedPart> {
    const { Body, ContentRange = '', ETag } = await this.#client.send(new GetObjectCommand(range));
    const size = /\/(\d+)$/.exec(ContentRange)?.[1];
    if (!Body || size === undefined) throw new StoreError(`${this.#where} gives no parts of objects (Range)`);
    try {
      return { bytes: await Body.transformToByteArray(), size: Number(size), version: ETag };
    } catch (cause) {
      throw new BrokenOff('the answer broke off', { cause });
    }
  }

  async #listPart(prefix: string, after: string | undefined, count: number) {
    const below = this.#prefix + prefix;
    const start = after === undefined || after < prefix ? {} : { StartAfter: this.#prefix + after };
    const input = { Bucket: this.#bucket, Prefix: below, MaxKeys: count, ...start };
    const { Contents = [], IsTruncated } = await this.#client.send(new ListObjectsV2Command(input));
    const found = Contents.map(({ Key = '', Size = 0, LastModified }) => ({
      key: Key.slice(this.#prefix.length),
      size: Size,
      time: LastModified?.getTime() ?? 0,
    }));
    // What others have put into the bucket under names that are no keys is none of our business.
    return {
      found: found.filter(({ key }) => isKey(key)),
      last: found.at(-1)?.key,
      more: IsTruncated === true && found.length > 0,
    };
  }

  async #ask<T>(what: string, ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      throw error instanceof StoreError ? error : s3Fault(error, { what, where: this.#where });
    }
  }
}

/** What a PUT carries. The MD5 lets the server refuse what was damaged on the way. */
async function payload(body: Body): Promise<Pick<PutObjectCommandInput, 'Body' | 'ContentLength' | 'ContentMD5'>> {
  if (body.size <= BUFFERED_BYTES_MAX) {
    const bytes = await readBody(body, BUFFERED_BYTES_MAX);
    if (bytes.length !== body.size) throw new StoreError(`a body gave ${bytes.length} bytes instead of ${body.size}`);
    const md5 = createHash('md5').update(bytes).digest('base64');
    return { Body: bytes, ContentLength: bytes.length, ContentMD5: md5 };
  }
  const md5 = createHash('md5');
  for await (const chunk of body.read()) md5.update(chunk);
  const stream = Readable.from(body.read(), { objectMode: false });
  return { Body: stream, ContentLength: body.size, ContentMD5: md5.digest('base64') };
}
