import { isDeepStrictEqual } from 'node:util';
import { cancelled, messageOf, unawaited } from '../../errors.js';
import { nameOf } from '../../live/uris.js';
import type { LineChange, LineDocument } from '../../live/text/line-document.js';
import type { OpenAudit } from '../../live/text/open-audit.js';
import { mayChangeFormat, type Detected } from './dataset-files.js';
import type { OpenDocument } from './documents.js';

/** Quiet after an edit before a text is looked at again: less than before its rows are scored again. */
const TYPING_MS = 200;

export interface DiscoveryHost {
  isOpen(opened: OpenDocument): boolean;
  detect(document: LineDocument): Promise<Detected | undefined>;
  /** Which texts are audited unasked; `off` where this one is left out. */
  auto(uri: string): 'auto' | 'open' | 'off';
  /** Lets go of the text's audit if it has one, and begins one as the text is read now. */
  attach(opened: OpenDocument, found: Detected): OpenAudit;
  /** Lets go of the text's audit: it is no data set any more. */
  detach(opened: OpenDocument): void;
  log(message: string): void;
}

/**
 * Which open texts are data sets, and of which format: found when a text is opened and again when an edit may
 * have made it another one, so that what is known of a text does not depend on how it came to be.
 */
export class Discovery {
  private readonly timers = new WeakMap<OpenDocument, NodeJS.Timeout>();

  constructor(private readonly host: DiscoveryHost) {}

  edited(opened: OpenDocument, { from }: LineChange): void {
    if (!mayChangeFormat(opened.document.lines, from)) return;
    opened.stale = true;
    clearTimeout(this.timers.get(opened));
    this.timers.set(
      opened,
      setTimeout(() => this.discover(opened), TYPING_MS),
    );
  }

  /** As `known`, in the background. */
  discover(opened: OpenDocument): void {
    unawaited(this.known(opened), (error) =>
      this.host.log(`${opened.document.uri}: ${messageOf(error)}`),
    );
  }

  /** Resolves when the text as it stands has its audit, or has none. @throws Error when it cannot be told */
  async known(opened: OpenDocument): Promise<void> {
    if (!opened.stale && opened.looking === undefined) return;
    await (opened.looking ??= this.look(opened).finally(() => (opened.looking = undefined)));
  }

  /**
   * The audit that is asked for, whether the text is surely a data set or not.
   * @throws Error in plain words when it is none
   */
  async require(opened: OpenDocument): Promise<OpenAudit> {
    opened.asked = true;
    opened.cleared = false;
    if (opened.audit === undefined) opened.stale = true;
    await this.known(opened);
    if (opened.audit !== undefined) return opened.audit;
    if (!this.host.isOpen(opened)) throw cancelled('The text was closed');
    throw new Error(
      `${nameOf(opened.document.uri)}: no dataset format fits; expected JSON Lines, a JSON array, CSV or TSV with a header, or a transcript with role headings`,
    );
  }

  private async look(opened: OpenDocument): Promise<void> {
    while (opened.stale && this.host.isOpen(opened)) {
      opened.stale = false;
      try {
        const found = await this.host.detect(opened.document);
        if (!opened.stale && this.host.isOpen(opened)) this.settle(opened, found);
      } catch (error) {
        opened.stale = true;
        throw error;
      }
    }
  }

  private settle(opened: OpenDocument, found: Detected | undefined): void {
    const { audit, asked, cleared } = opened;
    const auto = this.host.auto(opened.document.uri);
    const unasked = auto !== 'off' && !cleared && (auto === 'open' || found?.sure === true);
    const goesOn = audit !== undefined && auto === 'off';
    if (found === undefined || !(asked || unasked || goesOn)) {
      if (audit === undefined) return;
      opened.active = isActive(audit);
      return this.host.detach(opened);
    }
    const same =
      audit?.container === found.format.container &&
      isDeepStrictEqual(audit.mapping, found.mapping);
    if (same) return;
    const begin = audit === undefined ? unasked || opened.active === true : isActive(audit);
    const made = this.host.attach(opened, found);
    if (!begin) return;
    unawaited(made.run(), (error) => this.host.log(`${made.uri}: ${messageOf(error)}`));
  }
}

/** Its rows are scored as they are edited. */
const isActive = ({ state }: OpenAudit): boolean => state !== 'waiting' && state !== 'cancelled';
