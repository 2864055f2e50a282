// Drives a VS Code workbench in the browser the way a user does: keys, mouse, and what is on the screen.

/** Polls until `read` gives a truthy value and returns it; the error says what was last seen. */
export async function until(what, read, { timeout = 60_000, every = 200 } = {}) {
  const end = Date.now() + timeout;
  let last;
  do {
    try {
      last = await read();
      if (last) return last;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, every));
  } while (Date.now() < end);
  throw new Error(
    `waited ${timeout / 1000} s for ${what}; last seen: ${last instanceof Error ? last.message : JSON.stringify(last)}`,
  );
}

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

export class Workbench {
  constructor(page, context, host, errors) {
    Object.assign(this, { page, context, host, errors });
  }

  async goto(folder) {
    await this.page.goto(`${this.host.url}/?folder=${encodeURIComponent(folder)}`);
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

  close() {
    return this.context.close();
  }

  screenshot(path) {
    return this.page.screenshot({ path });
  }

  // ---- quick input ----

  /** Types into the quick input until the first row is the wanted one, then accepts it. */
  async #pick(open, text, label) {
    const { page } = this;
    await until(`the quick pick of "${text}"`, async () => {
      await page.keyboard.press('Escape');
      await page.keyboard.press(open);
      const input = page.locator(
        '.quick-input-widget:visible input[type="text"], .quick-input-widget:visible .input',
      );
      await input.first().waitFor({ timeout: 5000 });
      await page.keyboard.type(text);
      const row = page.locator('.quick-input-widget:visible .quick-input-list .monaco-list-row', {
        hasText: label,
      });
      await row.first().waitFor({ timeout: 5000 });
      await row.first().click();
      return true;
    });
  }

  /** Opens a file of the folder by its name. */
  async openFile(name) {
    await this.#pick('Control+P', name, name);
    await this.page.waitForSelector(`.tab.active[data-resource-name="${name}"]`, {
      timeout: 20_000,
    });
  }

  /** Runs a command by the title that the palette shows. */
  command(title) {
    return this.#pick('F1', title, title);
  }

  /** Titles that the palette offers for a query, for commands that must (not) be there. */
  async paletteTitles(query) {
    const { page } = this;
    await page.keyboard.press('F1');
    await page.keyboard.type(query);
    await page.waitForTimeout(1000);
    const titles = await page
      .locator('.quick-input-widget .monaco-list-row .label-name')
      .allInnerTexts();
    await page.keyboard.press('Escape');
    return titles;
  }

  /** Chooses a row of a quick pick that a command opened. */
  async choose(label) {
    const row = this.page.locator('.quick-input-widget:visible .monaco-list-row', {
      hasText: label,
    });
    await row.first().waitFor({ timeout: 20_000 });
    await row.first().click();
  }

  // ---- editor ----

  async goToLine(line, column = 1) {
    const { page } = this;
    await until(`the cursor at line ${line}`, async () => {
      await this.focusEditor();
      await page.keyboard.press('Control+G');
      await page.locator('.quick-input-widget:visible input').first().waitFor({ timeout: 5000 });
      await page.keyboard.type(`${line}:${column}`);
      await page.keyboard.press('Enter');
      await page.locator('.quick-input-widget').waitFor({ state: 'hidden', timeout: 5000 });
      // The status bar follows a little later.
      return until('the position', async () => (await this.position())?.line === line, {
        timeout: 2000,
      });
    });
  }

  /** Saves what was changed, an edit still under way included. */
  async save() {
    await this.page.locator('.tab.active.dirty').waitFor({ timeout: 20_000 });
    await this.page.keyboard.press('Control+S');
    await until(
      'the file to be saved',
      async () => (await this.page.locator('.tab.active.dirty').count()) === 0,
    );
  }

  /** Line and column that the status bar shows, e.g. `{ line: 3, column: 17 }`. */
  async position() {
    const text = await this.page
      .locator('.statusbar-item[id="status.editor.selection"]')
      .innerText();
    const [, line, column] = /Ln ([\d,]+), Col ([\d,]+)/.exec(text) ?? [];
    return { line: Number(line?.replaceAll(',', '')), column: Number(column?.replaceAll(',', '')) };
  }

  /**
   * Squiggles on the screen with the text under each, joined over the rows that a wrapped line takes:
   * `{ severity, text, box }`. The text is measured glyph by glyph, so a wrong range shows.
   */
  squiggles() {
    return this.page.evaluate(() => {
      const lines = [...document.querySelectorAll('.editor-instance .view-lines .view-line')].map(
        (line) => ({
          line,
          box: line.getBoundingClientRect(),
        }),
      );
      const pieces = [];
      for (const severity of ['error', 'warning', 'info', 'hint']) {
        for (const mark of document.querySelectorAll(
          `.editor-instance .view-overlays .squiggly-${severity}`,
        )) {
          const box = mark.getBoundingClientRect();
          const middle = box.top + box.height / 2;
          const on = lines.find(({ box: b }) => b.top <= middle && middle <= b.bottom);
          if (!on) continue;
          let text = '';
          const walker = document.createTreeWalker(on.line, NodeFilter.SHOW_TEXT);
          const range = document.createRange();
          for (let node = walker.nextNode(); node; node = walker.nextNode()) {
            for (let i = 0; i < node.data.length; i += 1) {
              range.setStart(node, i);
              range.setEnd(node, i + 1);
              const glyph = range.getBoundingClientRect();
              const centre = glyph.left + glyph.width / 2;
              if (glyph.width > 0 && centre > box.left && centre < box.right) text += node.data[i];
            }
          }
          // Monaco shows spaces as no-break spaces.
          text = text.replaceAll('\u00a0', ' ');
          // Two findings over the same text draw the same mark twice.
          const same = (p) => p.severity === severity && p.top === box.top && p.left === box.left;
          if (pieces.some(same)) continue;
          pieces.push({
            severity,
            text,
            top: box.top,
            left: box.left,
            right: box.right,
            bottom: box.bottom,
          });
        }
      }
      return pieces.sort((a, b) => a.top - b.top || a.left - b.left);
    });
  }

  /** Hovers over a point of the page and returns the hover's element. */
  hover(x, y, { timeout = 60_000 } = {}) {
    const { page } = this;
    return until(
      'a hover',
      async () => {
        await page.mouse.move(x - 30, y + 30);
        await page.mouse.move(x, y, { steps: 3 });
        const hover = page.locator('.monaco-hover:visible .monaco-hover-content');
        await hover.first().waitFor({ timeout: 3000 });
        return hover.first();
      },
      { timeout },
    );
  }

  /** Opens the code action menu at the cursor and returns the titles in it. */
  async codeActions() {
    const { page } = this;
    await page.keyboard.press('Control+Period');
    const rows = page.locator('.action-widget .monaco-list-row.action');
    await rows.first().waitFor({ timeout: 15_000 });
    return rows.allInnerTexts();
  }

  /** Applies a code action of the menu by keyboard: the widget takes no clicks from outside itself. */
  async applyCodeAction(title) {
    const titles = await this.codeActions();
    const focused = this.page.locator('.action-widget .monaco-list-row.action.focused');
    for (let step = 0; step <= titles.length; step += 1) {
      if ((await focused.count()) > 0 && (await focused.innerText()).includes(title)) {
        await this.page.keyboard.press('Enter');
        await this.page.locator('.action-widget').waitFor({ state: 'hidden' });
        return;
      }
      await this.page.keyboard.press('ArrowDown');
    }
    throw new Error(`no code action "${title}" among: ${titles.join(' | ')}`);
  }

  // ---- panels, notifications, views ----

  /** Rows of the Problems panel as text. */
  async problems() {
    const { page } = this;
    if (!(await page.locator('.markers-panel').isVisible())) {
      await page.keyboard.press('Control+Shift+M');
      await page.locator('.markers-panel').waitFor({ timeout: 15_000 });
    }
    return page.locator('.markers-panel .monaco-list-row').allInnerTexts();
  }

  /** Findings of the Problems panel, those it has room for; the panel is closed again. */
  async findings() {
    const rows = await this.problems();
    await this.page.keyboard.press('Control+J');
    await this.page.locator('.markers-panel').waitFor({ state: 'hidden' });
    await this.focusEditor();
    return rows.flatMap((row) => {
      const found = /^([\s\S]*)\nQRM Lens\n([\w-]+)\n\[Ln (\d+), Col (\d+)\]$/.exec(row);
      if (!found) return [];
      const [, message, code, line, column] = found;
      return [{ message, code, line: Number(line), column: Number(column) }];
    });
  }

  /** Findings once they no longer change: while rows are scored, the dataset's own thresholds move. */
  async settledFindings({ atLeast = 1, timeout = 180_000 } = {}) {
    let before = '';
    let same = 0;
    return until(
      'findings that stay',
      async () => {
        const found = await this.findings();
        const now = JSON.stringify(found);
        same = now === before ? same + 1 : 0;
        before = now;
        return same >= 3 && found.length >= atLeast && found;
      },
      { timeout, every: 1000 },
    );
  }

  /** The first editor group takes the keyboard, from a webview as well. */
  async focusEditor() {
    await this.page.keyboard.press('Control+1');
    await this.page.waitForFunction(() => document.activeElement?.tagName !== 'IFRAME', undefined, {
      timeout: 10_000,
    });
  }

  notifications() {
    return this.page
      .locator('.notifications-toasts .notification-list-item-message')
      .allInnerTexts();
  }

  async clearNotifications() {
    await this.command('Notifications: Clear All Notifications');
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
    await this.command('Preferences: Color Theme');
    await this.page.locator('.quick-input-widget:visible .monaco-list-row').first().waitFor();
    await this.page.keyboard.type(label);
    await this.page.waitForTimeout(500);
    await this.page.keyboard.press('Enter');
    await this.page.locator('.quick-input-widget').waitFor({ state: 'hidden' });
  }

  /** True when the workbench's own theme is dark. */
  isDark() {
    return this.page.evaluate(
      () => document.querySelector('.monaco-workbench')?.classList.contains('vs-dark') ?? false,
    );
  }
}
