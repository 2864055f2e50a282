// Drives a VS Code workbench in the browser the way a user does: keys, mouse, and what is on the screen.
import { EditorDriver } from './editor.mjs';
import { until, untilStill } from '../until.mjs';

/** Opens `folder` and waits for the workbench. */
export async function openWorkbench(
  browser,
  host,
  folder,
  { size = { width: 1440, height: 900 } } = {},
) {
  const context = await browser.newContext({
    viewport: size,
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  const page = await context.newPage();
  const errors = [];
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  const workbench = new Workbench(page, context, host, errors);
  await workbench.goto(folder);
  return workbench;
}

export class Workbench extends EditorDriver {
  constructor(page, context, host, errors) {
    super(page);
    Object.assign(this, { context, host, errors });
  }

  async goto(folder) {
    await this.page.goto(`${this.host.url}/?folder=${encodeURIComponent(folder)}`, {
      timeout: 120_000,
    });
    await this.ready();
  }

  async ready() {
    await this.page.waitForSelector('.monaco-workbench .part.statusbar', { timeout: 60_000 });
    await this.page.waitForSelector('.explorer-viewlet, .explorer-folders-view', {
      timeout: 60_000,
    });
  }

  /** As a user reloads the window: VS Code stores its state first. */
  async reload() {
    const loaded = this.page.waitForEvent('load', { timeout: 60_000 });
    await this.command('Developer: Reload Window');
    await loaded;
    await this.ready();
  }

  /** Waits until what VS Code keeps of its editors in the browser's store answers `wanted`. */
  stored(wanted) {
    const read = () =>
      this.page.evaluate(async () => {
        const done = (request) =>
          new Promise((resolve, reject) => {
            request.onsuccess = () => resolve(request.result);
            request.onerror = () => reject(request.error);
          });
        const texts = [];
        for (const { name } of await indexedDB.databases()) {
          if (!/^vscode-web-state-db-/.test(name ?? '')) continue;
          const database = await done(indexedDB.open(name));
          if (database.objectStoreNames.contains('ItemTable')) {
            const items = database.transaction('ItemTable').objectStore('ItemTable');
            texts.push(await done(items.get('memento/workbench.parts.editor')));
          }
          database.close();
        }
        return texts.filter((text) => typeof text === 'string').join('\n');
      });
    return until('the state to be kept', async () => wanted.test(await read()), {
      timeout: 240_000,
      every: 1000,
    });
  }

  close() {
    return this.context.close();
  }

  screenshot(path) {
    return this.page.screenshot({ path });
  }

  // ---- panels, notifications, views ----

  /** Rows of the Problems panel as text. */
  async problems() {
    const { page } = this;
    if (!(await page.locator('.markers-panel').isVisible())) {
      await page.keyboard.press('Control+Shift+M');
      await page.locator('.markers-panel').waitFor({ timeout: 60_000 });
    }
    return page.locator('.markers-panel .monaco-list-row').allInnerTexts();
  }

  async closeEditors() {
    await this.command('View: Close All Editors');
    await until('no editor', async () => (await this.page.locator('.tab').count()) === 0);
  }

  async closePanel() {
    await until('the panel to close', async () => {
      const panel = this.page.locator('.part.panel');
      if (!(await panel.isVisible())) return true;
      await this.page.keyboard.press('Control+J');
      await panel.waitFor({ state: 'hidden', timeout: 5000 });
      return true;
    });
  }

  /** Findings of the Problems panel, those it has room for; the panel is closed again. */
  async findings() {
    const rows = await this.problems();
    await this.closePanel();
    await this.focusEditor();
    return rows.flatMap((row) => {
      const found = /^([\s\S]*)\nQRM Lens\n([\w-]+)\n\[Ln (\d+), Col (\d+)\]$/.exec(row);
      if (!found) return [];
      const [, message, code, line, column] = found;
      return [{ message, code, line: Number(line), column: Number(column) }];
    });
  }

  /** Findings once they no longer change: while rows are scored, the dataset's own thresholds move. */
  settledFindings({ atLeast = 1, timeout = 240_000 } = {}) {
    const accept = (found) => found.length >= atLeast;
    return untilStill('findings', () => this.findings(), {
      times: 4,
      accept,
      timeout,
      every: 1000,
    });
  }

  /** Messages that are shown, from the first to the last. */
  async notifications() {
    const toasts = this.page.locator('.notifications-toasts .notification-list-item-message');
    return (await toasts.allInnerTexts()).map((text) => text.replaceAll('\u00a0', ' '));
  }

  /** Waits for a message that answers `wanted` and returns it. */
  notification(wanted, options) {
    return until(
      `a message like ${wanted}`,
      async () => {
        const shown = await this.notifications();
        const found = shown.find((text) => wanted.test(text));
        return (
          found ?? (shown.length > 0 ? Promise.reject(new Error(shown.join(' | '))) : undefined)
        );
      },
      options,
    );
  }

  /** Presses a button of the message that holds `text`. */
  async answer(text, button) {
    const toast = this.page.locator('.notifications-toasts .notification-list-item', {
      hasText: text,
    });
    await toast.first().hover();
    await toast.first().getByRole('button', { name: button }).click();
  }

  async clearNotifications() {
    await this.command('Notifications: Clear All Notifications');
    await until('no message', async () => (await this.notifications()).length === 0);
  }

  statusItems() {
    return this.page.locator('.part.statusbar .statusbar-item:visible').evaluateAll((items) =>
      items.map((item) => ({
        id: item.id,
        text: item.textContent?.trim() ?? '',
        label: item.getAttribute('aria-label') ?? '',
      })),
    );
  }

  /** The inner document of the webview whose document answers `selector`. */
  webview(selector = 'body', { timeout = 60_000 } = {}) {
    return until(
      `a webview with ${selector}`,
      async () => {
        for (const frame of this.page.frames()) {
          if (!frame.parentFrame() || !/fake\.html|index\.html/.test(frame.url())) continue;
          if (frame.childFrames().length > 0) continue;
          if ((await frame.locator(selector).count()) > 0) return frame;
        }
        return undefined;
      },
      { timeout },
    );
  }

  async setTheme(label) {
    // Soon after the start the picker opens with the themes that are known by then, and finds no more.
    await until(`the theme ${label}`, async () => {
      await this.command('Preferences: Color Theme');
      await this.filterPicks(label);
      await this.choose(label, { timeout: 10_000 });
      return true;
    });
    await this.page.locator('.quick-input-widget').waitFor({ state: 'hidden' });
  }

  /** True when the workbench's own theme is dark. */
  isDark() {
    return this.page.evaluate(
      () => document.querySelector('.monaco-workbench')?.classList.contains('vs-dark') ?? false,
    );
  }
}
