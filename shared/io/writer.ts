/**
 * Who wrote a temporary or staged file. The name of every such file ends in its writer's token: boot, pid namespace, pid
 * and start time of the process. So whoever comes later can prove that the writer is gone, also after a kill -9 and
 * when the pid has been given to somebody else.
 */
import { readFileSync, readlinkSync } from 'node:fs';

/** What cannot be proved either way (another container, no /proc) counts as gone after qmail's 36 hours. */
const UNKNOWN_AGE_MS_MAX = 36 * 3_600_000;

const TOKEN = /^([0-9a-f]{12})\.(\d+)\.(\d+)\.(\d+)$/;

/** What `read` gives, or undefined where this system does not say. */
function known(read: () => string): string | undefined {
  try {
    return read();
  } catch (error) {
    if (typeof (error as NodeJS.ErrnoException).code === 'string') return undefined;
    throw error;
  }
}

const boot = known(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').replaceAll('-', '').slice(0, 12));
const namespace = known(() => readlinkSync('/proc/self/ns/pid').replace(/\D/g, ''));

/** State letter and start time (in ticks since boot) of a process. The command's name may hold blanks and brackets. */
function processFields(pid: number): { state: string; start: string } | undefined {
  const stat = known(() => readFileSync(`/proc/${pid}/stat`, 'latin1'));
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields && { state: fields[0] ?? '', start: fields[19] ?? '' };
}

const start = processFields(process.pid)?.start;

const token = [boot ?? '0'.repeat(12), namespace ?? '0', String(process.pid), start ?? '0'].join('.');

/** This process, as the end of a file name: letters, digits and dots. */
export const writerToken = (): string => token;

/** Whether that process was started by the running system: the same boot of the same machine. */
export const isSameSystem = (token: string): boolean => boot !== undefined && TOKEN.exec(token)?.[1] === boot;

/** Whether the process of that token still runs. `unknown`: this process cannot tell. */
export function writerState(token: string): 'alive' | 'gone' | 'unknown' {
  const [, itsBoot, itsNamespace, pid, itsStart] = TOKEN.exec(token) ?? [];
  if (boot === undefined || namespace === undefined || itsBoot === undefined || itsNamespace === '0') return 'unknown';
  if (itsBoot !== boot) return 'gone';
  return itsNamespace === namespace ? processState(Number(pid), itsStart) : 'unknown';
}

function processState(pid: number, itsStart: string | undefined): 'alive' | 'gone' | 'unknown' {
  if (!isRunning(pid)) return 'gone';
  const fields = processFields(pid);
  // /proc may be mounted so that it hides other users' processes.
  if (!fields) return 'unknown';
  return fields.start === itsStart && !/[ZX]/.test(fields.state) ? 'alive' : 'gone';
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** Whether nobody can be writing a file of that writer any more. `ageMs`: since the file's last change, where known. */
export function writerIsGone(token: string, ageMs = 0): boolean {
  const state = writerState(token);
  return state === 'gone' || (state === 'unknown' && ageMs > UNKNOWN_AGE_MS_MAX);
}
