/**
 * What systemd is told of a service (sd_notify): that it is ready and, as often as its watchdog wants it, that it is not
 * stuck. Node cannot write to the datagram socket that this goes by, so `systemd-notify` does; a few times an hour.
 */
import { execFile } from 'node:child_process';

export interface ServiceManager {
  /** Every listener accepts. From here on the watchdog is kept content. */
  ready(status: string): void;
}

export interface ServiceEnvironment {
  readonly NOTIFY_SOCKET?: string | undefined;
  /** Microseconds in which it wants to hear from the service. */
  readonly WATCHDOG_USEC?: string | undefined;
}

const NOBODY: ServiceManager = { ready: () => undefined };

/** Does nothing where no service manager has started the program. */
export function serviceManager({ NOTIFY_SOCKET, WATCHDOG_USEC }: ServiceEnvironment, log: Warns): ServiceManager {
  if (!NOTIFY_SOCKET) return NOBODY;
  const notify = (...words: readonly string[]): void => {
    execFile('systemd-notify', words, (error) => {
      if (error) log.warn('systemd could not be told how the service is', { reason: error.message });
    });
  };
  const watchdogMs = Number(WATCHDOG_USEC ?? 0) / 1_000;
  return {
    ready: (status) => {
      notify('--ready', `--status=${status}`);
      // A loop that is stuck does not come to this.
      if (watchdogMs > 0) setInterval(() => notify('WATCHDOG=1'), watchdogMs / 2).unref();
    },
  };
}

interface Warns {
  warn(event: string, fields: Readonly<Record<string, string>>): void;
}
