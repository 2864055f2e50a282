import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach } from 'vitest';
import { auditDataset, type AuditOptions } from '../../../server/src/audit/index.js';
import {
  closeReaders,
  readDataset,
  readWritten,
} from '../../../server/src/datasets/process/index.js';
import { ScoreStore } from '../../../server/src/store/index.js';
import { collect, SETTINGS, TextEvaluator } from './helpers.js';

export interface How extends Partial<AuditOptions> {
  /** Rows of known scores as numbers; else as they are. */
  readonly known: boolean;
  /** How the file is divided among readers, where it is. */
  readonly division?: Parameters<typeof readWritten>[3];
}

/** All that an audit of a file knows in the end, and how its rows came. */
export async function audited(path: string, store: ScoreStore, how: How) {
  const { known, division, ...more } = how;
  const evaluator = new TextEvaluator();
  const seen = { asNumbers: 0, asRows: 0 };
  const source = {
    path,
    open: () => readDataset({ path }),
    ...(known && {
      async *openKnown(ask: unknown) {
        for await (const event of readWritten({ path }, {}, ask, division)) {
          if (event.type === 'written') seen.asNumbers += event.count;
          if (event.type === 'row') seen.asRows++;
          yield event;
        }
      },
    }),
  };
  const { audit, progress } = auditDataset([source], { evaluator, store, ...SETTINGS, ...more });
  const last = (await collect(progress)).at(-1);
  const { rows, responses, fromStore, end } = last ?? {};
  const { table, problems, moreProblems, fruitless, unreadable } = audit;
  const responsesOf = Array.from({ length: table.length }, (_, i) => ({
    ...{ place: table.place(i), hash: table.hash(i), label: table.label(i), kind: table.kindOf(i) },
    ...{ row: table.row.get(i), target: table.target.get(i), rating: table.rating.get(i) },
    ...{ quantiles: table.quantiles(i), tokens: table.tokens.get(i), cvar: table.cvar.get(i) },
    ...{ expectation: table.expectation.get(i), beats: table.beats.get(i), modes: table.modes.get(i) },
    ...{ partner: table.partner(i), siblings: table.siblings(i), error: table.errors.get(i) },
    ...{ conversation: table.conversation.get(i), spread: table.spread.get(i) },
    utility: table.certaintyEquivalent.get(i),
  })); // prettier-ignore
  const findings = [...audit.findings()];
  const told = { problems, moreProblems, fruitless, unreadable };
  return {
    all: { rows, responses, fromStore, end, responsesOf, findings, ...told },
    evaluator,
    seen,
  };
}

interface OwnStore {
  folder: string;
  store: ScoreStore;
}

/** A folder and a store for each test of a file, whose readers end with it. */
export function ownStore(): OwnStore {
  const own = {} as OwnStore;
  beforeEach(async () => {
    own.folder = mkdtempSync(join(tmpdir(), 'qrm-audit-'));
    own.store = await ScoreStore.open({ folder: own.folder });
  });
  afterEach(async () => {
    await own.store.close();
    rmSync(own.folder, { recursive: true, force: true });
  });
  afterAll(closeReaders);
  return own;
}
