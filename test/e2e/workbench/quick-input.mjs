// The quick input of VS Code: files, commands, picks and, in a browser, the file dialogs.
import { until, untilStill } from '../until.mjs';

const WIDGET = '.quick-input-widget:visible';
const ROWS = `${WIDGET} .quick-input-list .monaco-list-row`;

export class QuickInput {
  constructor(page) {
    this.page = page;
  }

  get #input() {
    return this.page.locator(`${WIDGET} input[type="text"], ${WIDGET} .input`).first();
  }

  /** Types into the quick input until a row is the wanted one, then accepts it. */
  async #pick(open, text, label) {
    const { page } = this;
    await until(`the quick pick of "${label}"`, async () => {
      // Only what is left of another try: an Escape in the text would drop the selection.
      if (await page.locator(WIDGET).count()) await page.keyboard.press('Escape');
      await page.keyboard.press(open);
      await this.#input.waitFor({ timeout: 5000 });
      await this.#input.fill(text);
      const row = page.locator(ROWS, { hasText: label });
      await row.first().waitFor({ timeout: 10_000 });
      await row.first().click({ timeout: 5000 });
      return true;
    });
  }

  /** Opens a file of the folder by its name. */
  async openFile(name) {
    await this.#pick('Control+P', name, name);
    await this.page
      .locator(`.tab.active[data-resource-name="${name.replaceAll('"', '\\"')}"]`)
      .first()
      .waitFor({ timeout: 60_000 });
  }

  /** Runs a command by the title that the palette shows. */
  command(title) {
    return this.#pick('F1', `>${title}`, title);
  }

  /** Titles that the palette offers for a query, the whole list of them once it no longer changes. */
  async paletteTitles(query) {
    const { page } = this;
    await page.keyboard.press('F1');
    await this.#input.waitFor();
    await this.#input.fill(`>${query}`);
    const labels = page.locator(`${ROWS} .label-name`);
    const titles = await untilStill('a list of commands', () => labels.allInnerTexts());
    await page.keyboard.press('Escape');
    return titles;
  }

  /** Rows of the quick pick that a command opened, e.g. `{ label, description, text }`. */
  async picks() {
    const rows = this.page.locator(ROWS);
    await rows.first().waitFor({ timeout: 60_000 });
    return rows.evaluateAll((all) =>
      all.map((row) => ({
        label: row.querySelector('.label-name')?.textContent ?? '',
        description: row.querySelector('.label-description')?.textContent ?? '',
        text: row.textContent ?? '',
      })),
    );
  }

  /** Types into the quick pick that a command opened. */
  async filterPicks(text) {
    await this.page.locator(ROWS).first().waitFor({ timeout: 60_000 });
    await this.#input.fill(text);
  }

  /** Chooses a row of a quick pick that a command opened: by text within, or a pattern for its label. */
  async choose(label, { timeout = 60_000 } = {}) {
    const named = { has: this.page.locator('.label-name', { hasText: label }) };
    const row = this.page.locator(ROWS, label instanceof RegExp ? named : { hasText: label });
    await row.first().waitFor({ timeout });
    await row.first().click();
  }

  async closeQuickInput() {
    await this.page.keyboard.press('Escape');
    await this.page.locator('.quick-input-widget').waitFor({ state: 'hidden' });
  }

  /** Answers the file dialog, which a browser shows as a quick input, with a path. */
  async fileDialog(path) {
    const input = this.#input;
    // The dialog fills in the folder first and the file's name later: it would overwrite what is typed.
    const value = () => input.inputValue();
    const still = { times: 4, every: 100 };
    await untilStill('the path offered', value, { ...still, accept: (v) => v.startsWith('/') });
    await until('the path in the dialog', async () => {
      await input.fill(path);
      return (await untilStill('the path typed', value, still)) === path;
    });
    await until('the dialog to close', async () => {
      if (!(await this.page.locator(WIDGET).count())) return true;
      if (await input.inputValue().then((value) => value.startsWith('/')))
        await input.press('Enter');
      await this.page
        .locator('.quick-input-widget')
        .waitFor({ state: 'hidden', timeout: 3000 })
        .catch(() => undefined);
      return !(await this.page.locator(WIDGET).count());
    });
  }

  /** Waits for the file dialog to offer `path`. */
  offeredPath(path) {
    return until(`the dialog to offer ${path}`, async () => {
      const value = await this.#input.inputValue();
      return value === path || Promise.reject(new Error(value));
    });
  }
}
