/** Address lists of header fields and of sendmail's command line (RFC 5322 section 3.4), as far as an envelope needs them. */

/**
 * The addresses in a list: `Tom <tom@example.org>, "Kurz, Eva" <eva@x.org> (desk 3), team: a@x.org, b@x.org;`. Comments,
 * names of people and of groups go.
 */
export function parseAddressList(text: string): readonly string[] {
  const parts = [''];
  for (const [token] of withoutComments(text).matchAll(TOKENS)) {
    if (token === ',' || token === ';') parts.push('');
    // What stands before a colon is the name of a group.
    else if (token === ':') parts[parts.length - 1] = '';
    else parts[parts.length - 1] += token;
  }
  return parts.flatMap((part) => {
    const inBrackets = /<([^<>]*)>[^<>]*$/.exec(part)?.[1];
    // `<@relay.x:user@y>`: a route that nobody takes any more (RFC 5321 appendix C).
    const address = (inBrackets?.replace(/^@[^:]*:/, '') ?? part).trim();
    return address === '' ? [] : [address];
  });
}

const TOKENS = /"(?:\\.|[^"\\])*"|<[^<>]*>|[^",;:<]+|./gs;

/** Comments may hold comments; so deep nobody writes them. */
const COMMENT_DEPTH_MAX = 10;

function withoutComments(text: string): string {
  let before = text;
  for (let depth = 0; depth < COMMENT_DEPTH_MAX; depth++) {
    const after = before.replace(/("(?:\\.|[^"\\])*")|\((?:\\.|[^()\\])*\)/gs, '$1');
    if (after === before) break;
    before = after;
  }
  return before;
}
