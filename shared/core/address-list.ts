/** Address lists of header fields and of sendmail's command line (RFC 5322 section 3.4), as far as an envelope needs them. */

/**
 * The addresses in a list: `Tom <tom@example.org>, "Kurz, Eva" <eva@x.org> (desk 3), team: a@x.org, b@x.org;`. Comments,
 * names of people and of groups go. One pass, whatever the text: a quote or a bracket that is never closed is a character
 * like any.
 */
export function parseAddressList(text: string): readonly string[] {
  const closing = new Closing(text);
  const addresses: string[] = [];
  let part: Part = { text: '' };
  const end = (): void => {
    const address = (part.bracket?.replace(/^@[^:]*:/, '') ?? part.text).trim();
    if (address !== '') addresses.push(address);
    part = { text: '' };
  };
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at] ?? '';
    const close = closing.of(char, at);
    if (close !== undefined && char === '(') at = close;
    else if (close !== undefined && char === '<') {
      // `<@relay.x:user@y>`: a route that nobody takes any more (RFC 5321 appendix C).
      part.bracket = text.slice(text.lastIndexOf('<', close) + 1, close);
      at = close;
    } else if (close !== undefined) {
      part.text += text.slice(at, close + 1);
      at = close;
    } else if (char === ',' || char === ';') end();
    // What stands before a colon is the name of a group.
    else if (char === ':') part = { text: '' };
    else part.text += char;
  }
  end();
  return addresses;
}

interface Part {
  text: string;
  /** Between the last `<` and its `>`. */
  bracket?: string;
}

/** Where what begins at a character ends. What is not closed in the rest is not looked for again. */
class Closing {
  readonly #text: string;
  readonly #open = new Set<string>();

  constructor(text: string) {
    this.#text = text;
  }

  /** Undefined for a character that begins nothing, or whose end never comes. */
  of(char: string, at: number): number | undefined {
    if ((char !== '"' && char !== '<' && char !== '(') || this.#open.has(char)) return undefined;
    const end = char === '<' ? this.#text.indexOf('>', at) : this.#quoted(char, at);
    if (end >= 0) return end;
    this.#open.add(char);
    return undefined;
  }

  /** A quoted string, or a comment, which may hold comments; a backslash takes its meaning from what follows it. */
  #quoted(char: string, at: number): number {
    let depth = 1;
    for (let end = at + 1; end < this.#text.length; end += 1) {
      const now = this.#text[end];
      if (now === '\\') end += 1;
      else if (char === '"' ? now === '"' : now === ')') depth -= 1;
      else if (char === '(' && now === '(') depth += 1;
      if (depth === 0) return end;
    }
    return -1;
  }
}
