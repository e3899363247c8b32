/** Looks every ten minutes whether postmaster should hear of something. */

import { sayAlerts } from './alerts.ts';
import type { Hub, Service } from './hub.ts';
import { sendMonthReport } from './month-report.ts';

const LOOK_MS = 600_000;

export function startWatch(hub: Hub): Service {
  let looking: Promise<void> | undefined;
  const look = (): void => {
    looking ??= sayAlerts(hub)
      .then(() => sendMonthReport(hub))
      .catch((error: Error) =>
        hub.log.warn('could not look for trouble; done again in ten minutes', { error: error.message }),
      )
      .finally(() => {
        looking = undefined;
      });
  };
  const timer = setInterval(look, LOOK_MS);
  return {
    name: 'watch',
    close: async () => {
      clearInterval(timer);
      await looking;
    },
  };
}
