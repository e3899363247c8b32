/** For agent/dial-hub.ts: the way to the hub is a simulated line. */
import type { HubAddress, HubCall } from '../../../agent/dial-hub.ts';
import { dialHub } from '../line.ts';

export class HubRefused extends Error {
  readonly exit: number;
  constructor(exit: number, message: string) {
    super(message);
    this.exit = exit;
  }
}

export const callHub = ({ key }: HubAddress): Promise<HubCall> =>
  dialHub(key, (exit, message) => new HubRefused(exit, message));
