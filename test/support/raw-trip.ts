/** An office that keeps to no rule: it has its key, and writes what records it likes. */
import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';
import { RecordReader } from '../../shared/core/trip-record.ts';
import { pskClientOptions } from '../../shared/io/psk.ts';

export interface RawTripOptions {
  readonly host: string;
  readonly port: number;
  readonly identity: string;
  readonly key: Uint8Array;
}

const END_OF_HEAD = Buffer.from('\r\n\r\n');

export class RawTrip {
  readonly #socket: TLSSocket;
  #answer = Buffer.alloc(0);
  #closed = false;
  #wake: () => void = () => undefined;

  private constructor(socket: TLSSocket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#answer = Buffer.concat([this.#answer, chunk]);
      this.#wake();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#closed = true;
      this.#wake();
    });
  }

  static async open({ host, port, identity, key }: RawTripOptions): Promise<RawTrip> {
    const socket = connect({ host, port, ...pskClientOptions({ identity, key }) });
    await once(socket, 'secureConnect');
    socket.write('POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n');
    return new RawTrip(socket);
  }

  say(...records: readonly Uint8Array[]): void {
    const bytes = Buffer.concat(records);
    this.#socket.write(Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]));
  }

  /** The status of the answer and its records so far; waits until `enough` of them. */
  async heard(
    enough: (types: readonly number[], status: string) => boolean,
  ): Promise<{ readonly status: string; readonly types: readonly number[]; readonly payloads: readonly Buffer[] }> {
    for (;;) {
      const found = this.#read();
      if (this.#closed || enough(found.types, found.status)) return found;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  get closed(): boolean {
    return this.#closed;
  }

  hangUp(): void {
    this.#socket.destroy();
  }

  #read() {
    const end = this.#answer.indexOf(END_OF_HEAD);
    const status = this.#answer.toString('latin1', 9, 12);
    if (end < 0) return { status: '', types: [], payloads: [] };
    if (status !== '200') return { status, types: [], payloads: [] };
    const parts = [...new RecordReader().push(this.#answer.subarray(end + 4))];
    return { status, types: parts.map(({ type }) => type), payloads: parts.map(({ payload }) => Buffer.from(payload)) };
  }
}
