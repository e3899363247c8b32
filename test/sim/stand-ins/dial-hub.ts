/** For agent/dial-hub.ts: the way to the hub is a simulated line. */
import type { HubAddress, HubCall, WebCall } from '../../../agent/dial-hub.ts';
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

export const DIAL_SECONDS = 90;

/** No link of a world is for the web alone. */
export function webCall(): WebCall {
  throw new Error('there is no web in this world');
}

/** Nobody asks in a simulation. */
export const hubVersion = (): Promise<string> => Promise.resolve('');
