/**
 * A real S3 server for tests: the object gateway of Ceph, from Debian packages, on the loopback. There is no stand-in for
 * it: where it cannot be had, the tests that need it fail with the line that installs it.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';

export interface CephServer {
  readonly endpoint: string;
  readonly accessKey: string;
  readonly secretKey: string;
  /** A new bucket; answers its name. */
  makeBucket(): Promise<string>;
  /** Kills all its processes at once. */
  kill9(): Promise<void>;
  /** Starts them again after that, on what they had written (`bluestore`). */
  restart(): Promise<void>;
  /** Stops it and removes all it had. */
  stop(): Promise<void>;
}

/** `memstore` starts faster and forgets everything; `bluestore` is on disk. */
export async function startCeph({
  store = 'memstore',
}: {
  store?: 'memstore' | 'bluestore';
} = {}): Promise<CephServer> {
  installCeph();
  const folder = await mkdtemp(join(tmpdir(), 'fieldpost-ceph-'));
  const port = await freePorts();
  const keys = { accessKey: `test${randomBytes(8).toString('hex')}`, secretKey: randomBytes(20).toString('hex') };
  const server = new Server({ folder, port, store, ...keys });
  await server.answer('ready');
  const endpoint = `http://127.0.0.1:${port}`;
  return {
    endpoint,
    ...keys,
    makeBucket: () => makeBucket({ endpoint, ...keys }),
    kill9: () => server.order('kill9'),
    restart: () => server.order('start'),
    stop: () => server.stop(),
  };
}

const PACKAGES = 'ceph-mon ceph-osd radosgw ceph-common';
const INSTALL = `apt-get install -y --no-install-recommends ${PACKAGES}`;

function installCeph(): void {
  const isThere = () =>
    spawnSync('sh', ['-c', 'command -v ceph-mon && command -v ceph-osd && command -v radosgw']).status === 0;
  if (isThere()) return;
  if (process.getuid?.() !== 0)
    throw new Error(`the S3 server for the tests is missing; as root: apt-get update && ${INSTALL}`);
  console.error('installing the S3 server for the tests: Ceph');
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const { stdout, stderr } = spawnSync('sh', ['-c', `apt-get update -q && ${INSTALL} -q`], { env, encoding: 'utf8' });
  if (!isThere())
    throw new Error(
      `the S3 server for the tests could not be installed (${INSTALL}):\n${(stdout + stderr).slice(-800)}`,
    );
}

const PORTS = 10;

/** The first of ten free ports in a row. */
async function freePorts(): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const first = 20_000 + 10 * Math.floor(Math.random() * 1_000);
    const free = await Promise.all(Array.from({ length: PORTS }, (_, n) => isFree(first + n)));
    if (free.every(Boolean)) return first;
  }
  throw new Error(`no ${PORTS} free ports in a row between 20000 and 30000`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

interface ServerOptions {
  readonly folder: string;
  readonly port: number;
  readonly store: string;
  readonly accessKey: string;
  readonly secretKey: string;
}

const SCRIPT = fileURLToPath(new URL('start-ceph.sh', import.meta.url));

/** The script that runs the daemons. It ends when its stdin does, so they never outlive the tests. */
class Server {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  #errors = '';

  constructor({ folder, port, store, accessKey, secretKey }: ServerOptions) {
    const env = { ...process.env, S3_ACCESS_KEY: accessKey, S3_SECRET_KEY: secretKey };
    // A process group of its own: Ctrl-C reaches only us, and the script clears up when we are gone.
    const child = spawn('bash', [SCRIPT, folder, String(port), store], { env, stdio: 'pipe', detached: true });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#errors = (this.#errors + text).slice(-4000);
    });
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    this.#child = child;
  }

  async answer(expected: string): Promise<void> {
    const { value } = await this.#lines.next();
    if (value !== expected) throw new Error(`Ceph did not get going: ${this.#errors}`);
  }

  async order(line: string): Promise<void> {
    this.#child.stdin?.write(`${line}\n`);
    await this.answer('done');
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.stdin?.end();
    await ended;
  }
}

/** Where a server is, and its keys. */
export type S3Address = Pick<CephServer, 'endpoint' | 'accessKey' | 'secretKey'>;

/** What opens a store in a bucket of it. */
export const s3Options = ({ endpoint, accessKey, secretKey }: S3Address, bucket: string) => ({
  bucket,
  endpoint,
  region: 'us-east-1',
  prefix: '',
  pathStyle: true,
  credentials: { accessKeyId: accessKey, secretAccessKey: secretKey },
});

let buckets = 0;

export async function makeBucket(server: S3Address): Promise<string> {
  const name = `mail-${process.pid}-${Date.now().toString(36)}-${++buckets}`;
  const { endpoint, region, credentials } = s3Options(server, name);
  const client = new S3Client({ endpoint, region, forcePathStyle: true, credentials });
  await client.send(new CreateBucketCommand({ Bucket: name }));
  client.destroy();
  return name;
}
