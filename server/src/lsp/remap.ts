import { isDeepStrictEqual } from 'node:util';
import type { Detected } from './dataset-files.js';
import { DiskAudit } from '../live/disk/disk-audit.js';
import type { LineDocument } from '../live/text/line-document.js';
import type { LiveAudit } from '../live/live-audit.js';
import type { Mappings } from './mappings.js';
import { OpenAudit } from '../live/text/open-audit.js';

export interface RemapHost {
  all(): LiveAudit[];
  detect(document: LineDocument): Promise<Detected | undefined>;
  /** The text is read by other names. */
  replace(audit: OpenAudit, found: Detected): void;
  /** Looks again at texts that are no dataset so far. */
  discover(): Promise<void>;
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
    } else if (audit instanceof OpenAudit) {
      const found = await host.detect(audit.document);
      if (version !== mappings.version) return;
      if (found !== undefined && !isDeepStrictEqual(found.mapping, audit.mapping))
        host.replace(audit, found);
    }
  }
  await host.discover();
  // One after the other: a whole folder may have been audited.
  for (const disk of disks) if (version === mappings.version) await host.again(disk);
}
