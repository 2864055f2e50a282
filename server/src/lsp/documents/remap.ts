import { isDeepStrictEqual } from 'node:util';
import type { Detected } from './dataset-files.js';
import { DiskAudit } from '../../live/disk/disk-audit.js';
import type { LineDocument } from '../../live/text/line-document.js';
import type { LiveAudit } from '../../live/live-audit.js';
import type { Mappings } from './mappings.js';
import { OpenAudit } from '../../live/text/open-audit.js';

export interface RemapHost {
  all(): LiveAudit[];
  isOpen(audit: LiveAudit): boolean;
  detect(document: LineDocument): Promise<Detected | undefined>;
  /** Lets go of the audit of a text that is closed. */
  forget(audit: OpenAudit): void;
  /** Looks again at the texts that are open. */
  look(): Promise<void>;
  /** Reads the file again; never rejects. */
  again(audit: DiskAudit): Promise<void>;
}

/** After `mappings.forget`: what is read by other names now is audited anew, and nothing else. */
export async function remap(mappings: Mappings, host: RemapHost): Promise<void> {
  const { version } = mappings;
  const disks: DiskAudit[] = [];
  for (const audit of host.all()) {
    if (audit instanceof DiskAudit) {
      const given = await mappings.of(audit.uri);
      // One that was stopped stays so; the next reading asks again.
      const idle = audit.state === 'waiting' || audit.state === 'cancelled';
      if (!idle && !isDeepStrictEqual(given, audit.given)) disks.push(audit);
    } else if (audit instanceof OpenAudit && !host.isOpen(audit)) {
      const found = await host.detect(audit.document);
      if (version !== mappings.version) return;
      if (found !== undefined && !isDeepStrictEqual(found.mapping, audit.mapping))
        host.forget(audit);
    }
  }
  await host.look();
  // One after the other: a whole folder may have been audited.
  for (const disk of disks) if (version === mappings.version) await host.again(disk);
}
