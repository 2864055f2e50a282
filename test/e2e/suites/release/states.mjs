// main.mjs --only states --states DIR: a picture of each state in four themes at 1280 x 800, for eyes alone.
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { EMBEDDED, harmlessLines, harmlessPairs, makeFolder } from '../../data.mjs';
import { parquetOf } from '../../tables.mjs';
import { untilStill } from '../../until.mjs';
import { openWorkbench } from '../../workbench/workbench.mjs';

const THEMES = {
  dark: 'Dark Modern',
  light: 'Light Modern',
  'high-contrast': 'Dark High Contrast',
  'high-contrast-light': 'Light High Contrast',
};
const CHAT =
  '## User\n\nHow do I boil an egg?\n\n## Assistant\n\nSeven minutes in boiling water.\n\n' +
  '## User\n\nAnd a soft one?\n\n## Assistant\n\nFour minutes.\n';
const option = (flag) => {
  const at = process.argv.indexOf(flag);
  return at < 0 ? undefined : process.argv[at + 1];
};

export default async function (suite, { browser, host: start }) {
  const to = option('--states');
  if (to === undefined) return;
  const out = resolve(to);
  mkdirSync(out, { recursive: true });
  const lines = harmlessLines();
  const host = await start({ settings: EMBEDDED });
  suite.defer(() => host.stop());
  const folder = makeFolder(host.home, 'workspace', {
    'pairs.jsonl': `${lines.slice(0, 60).join('\n')}\n`,
    'other.jsonl': `${lines.slice(30, 90).join('\n')}\n`,
    'broken.jsonl': `${lines.slice(0, 12).join('\n')}\n{"chosen": 1}\nnot json\n`,
    'log.jsonl': '{"time": 1, "level": "info"}\n{"time": 2, "level": "warn"}\n',
    'chat.md': CHAT,
    'rows.parquet': parquetOf(harmlessPairs(40)),
    'packed.jsonl.gz': gzipSync(lines.slice(0, 20).join('\n')),
    'samples.jsonl': lines
      .slice(0, 6)
      .map((_, n) =>
        JSON.stringify({
          prompt: `How do I cook dish ${n}?`,
          completions: [
            'Boil it for ten minutes.',
            'No idea, go away.',
            'Ask somebody else, please.',
          ],
        }),
      )
      .join('\n'),
  });
  const size = { width: 1280, height: 800 };
  const workbench = await openWorkbench(browser, host, folder, { size });
  suite.workbench = workbench;
  suite.defer(() => workbench.close());
  const { page } = workbench;
  let theme = '';
  const picture = async (name) => {
    await page.mouse.move(24, 640);
    const shot = async () => (await page.screenshot()).toString('base64');
    await untilStill('the screen', shot, { every: 400, timeout: 20_000 }).catch(() => undefined);
    await page.screenshot({ path: join(out, `${name} ${theme}.png`) });
  };
  const states = {
    empty: () => workbench.command('View: Close All Editors'),
    walkthrough: async () => {
      await workbench.command('Welcome: Open Walkthrough...');
      await workbench.filterPicks('QRM Lens');
      await page.keyboard.press('Enter');
      await page.locator('.getting-started-step').first().waitFor();
    },
    pairs: async () => {
      await workbench.openFile('pairs.jsonl');
      await workbench.settledFindings({ atLeast: 3 });
      await workbench.problems();
    },
    dashboard: async () => {
      await workbench.closePanel();
      await workbench.openFile('pairs.jsonl');
      await workbench.command('QRM Lens: Open Dashboard');
      await workbench.webview('.dashboard canvas');
    },
    distribution: async () => {
      await workbench.closeEditors();
      await workbench.openFile('pairs.jsonl');
      await workbench.goToLine(2, 400);
      await workbench.command('QRM Lens: Show Distribution at Cursor');
      const detail = await workbench.webview('.detail .card');
      await detail.locator('.chart-frame.density canvas').waitFor();
    },
    'distribution, below': async () => {
      const detail = await workbench.webview('.detail .card');
      await detail.evaluate(() => window.scrollTo(0, 1e6));
    },
    'rows that cannot be read': async () => {
      await workbench.closeEditors();
      await workbench.openFile('broken.jsonl');
      await workbench.settledFindings({ atLeast: 1 });
      await workbench.command('QRM Lens: Open Dashboard');
      await workbench.webview('.dashboard canvas');
    },
    'no data set': async () => {
      await workbench.closeEditors();
      await workbench.openFile('log.jsonl');
      await workbench.goToLine(1);
      await page.keyboard.press('Control+.');
    },
    'short chat': async () => {
      await page.keyboard.press('Escape');
      await workbench.closeEditors();
      await workbench.openFile('chat.md');
      await workbench.lenses();
    },
    parquet: async () => {
      await workbench.closeEditors();
      await workbench.openFile('rows.parquet');
    },
    'parquet rows': () => workbench.command('QRM Lens: Show Rows'),
    'compressed file': async () => {
      await workbench.closeEditors();
      await workbench.openFile('packed.jsonl.gz');
    },
    'policy preview': async () => {
      await workbench.closeEditors();
      await workbench.openFile('samples.jsonl');
      await workbench.settledFindings({ atLeast: 0 });
      await workbench.command('QRM Lens: Policy Preview…');
    },
    commands: async () => {
      await workbench.closeEditors();
      await page.keyboard.press('Control+Shift+P');
      await page.keyboard.type('QRM Lens');
    },
    doctor: async () => {
      await page.keyboard.press('Escape');
      await workbench.command('QRM Lens: Doctor');
      await page.locator('.tab.active', { hasText: 'Doctor' }).waitFor({ timeout: 60_000 });
    },
  };
  for (const [name, label] of Object.entries(THEMES)) {
    theme = name;
    await suite.test(`every state in ${label}`, async () => {
      await workbench.command('View: Close All Editors');
      await workbench.setTheme(label);
      const failed = [];
      for (const [state, reach] of Object.entries(states)) {
        await reach().catch((error) => failed.push(`${state}: ${error.message.slice(0, 300)}`));
        await picture(state);
        await page.keyboard.press('Escape');
      }
      if (failed.length > 0) throw new Error(failed.join('\n'));
    });
  }
}
