// The text editor: where the cursor is, what is marked, hovered and offered there.
import { QuickInput } from './quick-input.mjs';
import { squigglesOnScreen } from './squiggles.mjs';
import { until } from '../until.mjs';

export class EditorDriver extends QuickInput {
  /** The first editor group takes the keyboard, from a webview as well. */
  async focusEditor() {
    await until('the editor to take the keyboard', async () => {
      if (await this.#typing()) return true;
      await this.page.keyboard.press('Control+1');
      // A webview that was clicked on may take the focus a little later: asked again by the caller.
      return until('the focus', () => this.#typing(), { timeout: 3000, every: 50 });
    });
  }

  /** True when keys go to a text editor of the first group. */
  #typing() {
    return this.page.evaluate(() => {
      const group = document.querySelector('.editor-group-container');
      const at = document.activeElement;
      return at?.closest('.monaco-editor') != null && group?.contains(at) === true;
    });
  }

  async goToLine(line, column = 1) {
    const { page } = this;
    await until(`the cursor at line ${line}`, async () => {
      await this.focusEditor();
      await page.keyboard.press('Control+G');
      const input = page.locator('.quick-input-widget:visible input').first();
      await input.waitFor({ timeout: 5000 });
      await input.fill(`:${line}:${column}`);
      await input.press('Enter');
      await page.locator('.quick-input-widget').waitFor({ state: 'hidden', timeout: 5000 });
      // The status bar follows a little later.
      return until('the position', async () => (await this.position())?.line === line, {
        timeout: 10_000,
      });
    });
  }

  /** Line and column that the status bar shows, e.g. `{ line: 3, column: 17 }`; undefined beside a text. */
  async position() {
    const [text] = await this.page
      .locator('.statusbar-item[id="status.editor.selection"]:visible')
      .allInnerTexts();
    const found = /Ln ([\d,]+), Col ([\d,]+)/.exec(text ?? '');
    if (!found) return undefined;
    const [line, column] = found.slice(1).map((digits) => Number(digits.replaceAll(',', '')));
    return { line, column };
  }

  /**
   * Waits for the editor's cursor to come where `wanted` says. The focus is asked for each time: a
   * webview that was clicked takes it when its own process gets round to it.
   */
  cursorAt(what, wanted, options) {
    return until(
      what,
      async () => {
        await this.focusEditor();
        const at = await this.position();
        return at !== undefined && wanted(at) && at;
      },
      options,
    );
  }

  /** Selects whole lines, from the beginning of the first to the end of the last. */
  async selectLines(from, to) {
    await this.goToLine(from, 1);
    for (let line = from; line <= to; line += 1) await this.page.keyboard.press('Control+L');
    // Back over the line end: else the selection ends where the next line begins.
    await this.page.keyboard.press('Shift+ArrowLeft');
    await until('a selection', () => this.page.locator('.selected-text').count());
  }

  /** Saves what was changed, an edit still under way included. */
  async save() {
    await this.page.locator('.tab.active.dirty').waitFor({ timeout: 60_000 });
    await this.page.keyboard.press('Control+S');
    await until(
      'the file to be saved',
      async () => (await this.page.locator('.tab.active.dirty').count()) === 0,
    );
  }

  /** Puts `text` in place of all that the active editor holds, and saves it. */
  async rewrite(text) {
    const plain = (shown) => shown.replaceAll(/\s/g, '');
    await until('the text to be the new one', async () => {
      await this.focusEditor();
      await this.page.keyboard.press('Control+A');
      // Pasted, not typed: no bracket is closed for us.
      await this.page.evaluate((all) => navigator.clipboard.writeText(all), text);
      await this.page.keyboard.press('Control+V');
      // A file that was not shown yet when all was selected keeps what it had: then once more.
      const written = async () => plain(await this.visibleText()) === plain(text);
      return until('the new text', written, { timeout: 3000 });
    });
    await this.save();
  }

  /** The text of the active editor, the rows that are on the screen. */
  async visibleText() {
    const text = await this.page
      .locator('.editor-group-container.active .view-lines')
      .first()
      .innerText();
    return text.replaceAll('\u00a0', ' ');
  }

  squiggles() {
    return this.page.evaluate(squigglesOnScreen);
  }

  /** Lenses and inlay hints on the screen as text. */
  async lenses() {
    const all = await this.page.locator('.codelens-decoration').allInnerTexts();
    return all.map((text) => text.replaceAll('\u00a0', ' ')).filter((text) => text !== '');
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
    const rows = page.locator('.action-widget .monaco-list-row.action');
    return until('code actions', async () => {
      await page.keyboard.press('Control+Period');
      await rows.first().waitFor({ timeout: 10_000 });
      return rows.allInnerTexts();
    });
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
}
