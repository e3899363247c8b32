/**
 * The log goes to stderr: one JSON object a line, or a readable line on a terminal. An event is a fact in a few
 * words; its fields say to which mail and office it happened. Secrets never enter.
 */
type Fields = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Log {
  info(event: string, fields?: Fields): void;
  warn(event: string, fields?: Fields): void;
  error(event: string, fields?: Fields): void;
}

export function stderrLog(program: string, out: NodeJS.WriteStream = process.stderr): Log {
  const write = (level: string, event: string, fields: Fields = {}): void => {
    const time = new Date().toISOString();
    out.write(
      out.isTTY
        ? `${time.slice(11, 19)} ${level === 'info' ? '' : `${level}: `}${event}${readable(fields)}\n`
        : `${JSON.stringify({ time, level, program, event, ...fields })}\n`,
    );
  };
  return {
    info: (event, fields) => write('info', event, fields),
    warn: (event, fields) => write('warn', event, fields),
    error: (event, fields) => write('error', event, fields),
  };
}

function readable(fields: Fields): string {
  const known = Object.entries(fields).filter(([, value]) => value !== undefined);
  // A log line is one line: what comes from a mail may hold line ends and escapes.
  const text = known.map(([name, value]) => ` ${name}=${String(value).replace(/[\u0000-\u001f\u007f-\u009f]/g, '?')}`);
  return text.join('');
}
