/**
 * A lock held by a process: an abstract Unix socket (Linux), which the kernel frees with the process, however that
 * ends. Processes see each other's locks within one network namespace, so two containers do not.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

export interface Lock {
  release(): Promise<void>;
}

/** The lock of that name, or undefined while somebody holds it. For a folder, make the name from its real path. */
export async function tryLock(name: string): Promise<Lock | undefined> {
  const server = createServer((socket) => socket.destroy());
  // A socket's name has room for 107 bytes, and a path may be longer.
  const digest = createHash('sha256').update(name).digest('hex');
  server.listen({ path: `\0fieldpost-${digest}`, exclusive: true });
  try {
    await once(server, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return undefined;
    throw error;
  }
  server.unref();
  return { release: () => new Promise((resolve) => server.close(() => resolve())) };
}
