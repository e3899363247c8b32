/** Debian's Chromium, driven by playwright; and what axe finds that would keep somebody out. */

import axe from 'axe-core';
import { type Browser, chromium, type Page } from 'playwright-core';

/** As root it has no sandbox of its own; the pages are ours. */
export const openBrowser = (): Promise<Browser> =>
  chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });

interface Violation {
  readonly id: string;
  readonly impact: string | null;
  readonly nodes: readonly { readonly html: string }[];
}

/** Serious and critical findings, one line each. */
export async function seriousFaults(page: Page): Promise<readonly string[]> {
  // Not a script of the page, which its policy would refuse: playwright evaluates it beside that.
  await page.evaluate(axe.source);
  const violations = await page.evaluate<readonly Violation[]>(
    "axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations)",
  );
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(
      ({ id, nodes }) =>
        `${id}: ${nodes
          .map(({ html }) => html)
          .join(' ')
          .slice(0, 200)}`,
    );
}
