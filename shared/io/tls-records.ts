/**
 * How large the TLS records of a connection may be. One that is not complete is lost at a cut, and on a slow line it holds back
 * what is in it; but each costs 22 bytes. So they begin small, and grow on a line that has carried much, and fast.
 */
import type { TLSSocket } from 'node:tls';

const SMALLEST = 1_400;
/** Records of so many bytes, once a connection has carried so many. */
const STEPS = [
  { carried: 64_000, record: 16_384 },
  { carried: 16_000, record: 4_096 },
] as const;
/** A record should be through in this time. */
const RECORD_SECONDS = 1;

export class TlsRecords {
  readonly #socket: TLSSocket;
  readonly #start = performance.now();
  #carried = 0;
  #record = SMALLEST;

  constructor(socket: TLSSocket) {
    this.#socket = socket;
    socket.setMaxSendFragment(SMALLEST);
  }

  /** The line has taken so many bytes more. */
  wrote(bytes: number): void {
    this.#carried += bytes;
    // The last write may be told when the connection has gone.
    if (this.#socket.destroyed) return;
    const perRecord = (this.#carried / (performance.now() - this.#start)) * 1_000 * RECORD_SECONDS;
    const record =
      STEPS.find(({ carried, record: size }) => this.#carried > carried && perRecord > size)?.record ?? SMALLEST;
    if (record === this.#record) return;
    this.#record = record;
    this.#socket.setMaxSendFragment(record);
  }
}
