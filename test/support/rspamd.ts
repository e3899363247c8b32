/** Debian's rspamd, with nothing but its own rules: no network, no learning. Needs root, to become its own user. */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmod, chown, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './program.ts';
import { freePort } from './sites.ts';

export interface Rspamd {
  readonly url: string;
  stop(): Promise<void>;
}

/** What rspamd itself gives to try each of its actions with. */
const PATTERN = 'JS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X';
export const GTUBE = { reject: `X${PATTERN}`, suspect: `Y${PATTERN}` };

export async function startRspamd(folder: string): Promise<Rspamd> {
  const port = await freePort();
  for (const name of ['', 'data', 'run']) await mkdir(join(folder, name), { recursive: true });
  const [uid, gid] = await Promise.all(
    ['-u', '-g'].map(async (flag) => Number((await run('/usr/bin/id', [flag, '_rspamd'])).out)),
  );
  for (const name of ['', 'data', 'run']) {
    await chown(join(folder, name), uid ?? 0, gid ?? 0);
    await chmod(join(folder, name), 0o755);
  }
  const file = join(folder, 'rspamd.conf');
  await writeFile(file, configuration(folder, port));
  const child = spawn('/usr/bin/rspamd', ['-f', '-c', file, '-u', '_rspamd', '-g', '_rspamd'], { stdio: 'ignore' });
  const url = `http://127.0.0.1:${port}`;
  await answering(url, child);
  return { url, stop: () => stop(child) };
}

const configuration = (folder: string, port: number): string => `
options {
  pidfile = "${folder}/run/pid";
  temp_dir = "${folder}/run";
  dynamic_conf = "${folder}/data/dynamic";
  history_file = "${folder}/data/history";
  hs_cache_dir = "${folder}/data";
  enable_test_patterns = true;
  gtube_patterns = "all";
  dns { nameserver = ["127.0.0.1:1"]; timeout = 0.1; retransmits = 1; }
}
logging { type = "file"; filename = "${folder}/data/log"; level = "error"; }
actions { reject = 15; add_header = 6; greylist = 4; }
worker "normal" { bind_socket = "127.0.0.1:${port}"; count = 1; }
worker "controller" { enabled = false; count = 1; bind_socket = "${folder}/run/controller"; }
`;

async function answering(url: string, child: ChildProcess): Promise<void> {
  let ended = false;
  child.once('exit', () => (ended = true));
  for (;;) {
    if (ended) throw new Error('rspamd ended at once');
    const there = await fetch(`${url}/ping`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (there) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function stop(child: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}
