// A stand-in for the extension host in a plain browser: the same messages, made-up scores (fake-scores.js), real
// texts. Loaded by shots.mjs before the bundle; `window.harness` holds the options.
(() => {
  const { page, size, compare, pairs, attributes } = window.harness;
  const { levels, normal, random, makeDocument } = window.fakeScores;
  const K = levels.length;
  const model = {
    name: 'SmolLM2-135M QRM',
    hash: 'cafe',
    precision: 'int8',
    executionProvider: 'cpu',
    maxTokens: 2048,
    attributes,
    levels,
  };
  const state = { posted: [] };
  window.fakeHost = state;
  const send = (message) => window.dispatchEvent(new MessageEvent('message', { data: message }));

  const documents = [makeDocument('file:///hh-harmless.jsonl', size, 0)];
  if (compare)
    documents.push(makeDocument('file:///hh-harmless-v2.jsonl', Math.floor(size * 0.8), 0.05));
  const names = ['hh-harmless.jsonl', 'hh-harmless-v2.jsonl'].slice(0, documents.length);

  const summary = (d, done) => ({
    uri: d.uri,
    state: done >= d.n ? 'done' : 'running',
    epoch: 1,
    revision: done,
    findingsRevision: 1,
    rows: d.n >> 1,
    responses: d.n,
    scored: done,
    fromStore: 0,
    rate: 412,
    secondsLeft: (d.n - done) / 412,
    fraction: done / d.n,
    counts: done >= d.n || window.harness.partial ? d.counts : {},
    thresholds: [{ code: 'low-left-tail', value: d.limit, words: "the dataset's lowest 5 %" }],
    tau: 0.05,
    lambda: 8,
    model,
  });
  const text = (d, r) => {
    const pair = pairs[(r >> 1) % pairs.length];
    return {
      response: r,
      excerpt: (r % 2 ? pair.rejected : pair.chosen).slice(0, 300),
      label: r % 2 ? 'rejected' : 'chosen',
      findings: (d.byResponse.get(r) ?? []).map((f) => ({
        code: f.name,
        severity: ['error', 'warning', 'info'][f.severity],
        message: f.message,
      })),
    };
  };
  const detailOf = (d, r) => {
    const M = attributes.length;
    const gate = attributes.map((_, m) => 1 / (1 + m * 0.7) + 0.1 * random());
    const sum = gate.reduce((a, b) => a + b, 0);
    const q = [];
    for (let m = 0; m < M; m++) {
      const centre = (r % 2 ? 0.38 : 0.6) + 0.08 * normal();
      const wide = 0.12 + 0.1 * random();
      for (let k = 0; k < K; k++) {
        const u = levels[k];
        const two = m === 0 && r % 2 ? (u > 0.4 ? 0.16 : -0.12) : 0;
        q.push(centre + two + wide * 0.35 * Math.log(u / (1 - u)) + 0.004 * normal());
      }
    }
    const weights = gate.map((g) => g / sum);
    const quantiles = levels.map((_, k) => weights.reduce((s, w, m) => s + w * q[m * K + k], 0));
    const t = text(d, r);
    return {
      uri: d.uri,
      epoch: 1,
      response: r,
      row: r >> 1,
      spot: { line: r >> 1, column: 12, endLine: r >> 1, endColumn: 300 },
      kind: r % 2 ? 'rejected' : 'chosen',
      label: t.label,
      excerpt: (r % 2
        ? pairs[(r >> 1) % pairs.length].rejected
        : pairs[(r >> 1) % pairs.length].chosen
      ).slice(0, 4000),
      tokens: 212,
      truncatedTokens: 0,
      quantiles,
      attributeQuantiles: q,
      gate: weights,
      expectation: quantiles.reduce((a, b) => a + b, 0) / K,
      percentile: 0.034,
      findings: t.findings,
    };
  };
  const contributions = (d, responses) => ({
    uri: d.uri,
    sample: responses?.length ?? 2000,
    mean: attributes.map(
      (_, m) => (responses ? 0.75 : 1) * (m % 5 === 3 ? -0.04 : 0.34 / (1 + m * 0.6)),
    ),
    gate: attributes.map((_, m) => 0.5 / (1 + m)),
  });
  const of = (uri) => documents.find((x) => x.uri === uri);
  const answers = {
    texts: ({ uri, responses }) => responses.map((r) => text(of(uri), r)),
    contributions: ({ uri, responses }) => contributions(of(uri), responses),
    export: ({ name, format }) => `/tmp/${name}.${format}`,
  };

  // As VS Code does: every message is a task of its own.
  const nextTask = () => new Promise((done) => setTimeout(done, 0));
  async function stream(d, upTo) {
    for (let at = 0; at < upTo; at += 8192) {
      const to = Math.min(at + 8192, upTo);
      const batch = {
        uri: d.uri,
        epoch: 1,
        next: to,
        ids: Uint32Array.from({ length: to - at }, (_, i) => at + i),
      };
      for (const [name, column] of Object.entries(d.c)) batch[name] = column.slice(at, to);
      await nextTask();
      send({ type: 'columns', batch });
    }
    for (let at = 0; at < d.found.length; at += 4096) {
      await nextTask();
      const part = d.found.slice(at, at + 4096);
      send({
        type: 'findings',
        batch: {
          uri: d.uri,
          epoch: 1,
          findingsRevision: 1,
          total: d.found.length,
          from: at,
          response: part.map((f) => f.response),
          code: part.map((f) => f.code),
          severity: part.map((f) => f.severity),
        },
      });
    }
  }
  state.send = send;
  state.documents = documents;
  state.detail = (r) => {
    const [d] = documents;
    send({
      type: 'detail',
      result: { detail: detailOf(d, r), partner: detailOf(d, r ^ 1), attributes, levels },
    });
  };

  /** Eight responses to each prompt, their spread of its own. */
  state.policy = () => {
    const per = 8;
    const n = Math.floor(size / per) * per;
    const quantiles = new Float32Array(n * K);
    const expectation = new Float32Array(n);
    for (let i = 0; i < n; i++) {
      const mean = 0.56 + 0.08 * normal();
      const spread = 0.05 + 0.16 * random();
      for (let k = 0; k < K; k++) {
        const z = Math.log(levels[k] / (1 - levels[k])) / 1.7;
        quantiles[i * K + k] = mean + spread * z;
        expectation[i] += quantiles[i * K + k] / K;
      }
    }
    const [d] = documents;
    send({
      type: 'policy',
      samples: {
        uri: d.uri,
        epoch: 1,
        revision: d.n,
        levels,
        offsets: Uint32Array.from({ length: n / per + 1 }, (_, p) => p * per),
        responses: Uint32Array.from({ length: n }, (_, i) => i),
        quantiles,
        expectation,
        tokens: new Uint32Array(n).fill(200),
        rows: Uint32Array.from({ length: n / per }, (_, p) => p),
        more: 0,
      },
    });
  };

  let kept = window.harness.state;
  window.acquireVsCodeApi = () => ({
    getState: () => kept,
    setState: (s) => {
      kept = s;
      state.kept = s;
    },
    postMessage(message) {
      state.posted.push(message);
      setTimeout(() => {
        if (message.type === 'ready') {
          const share = window.harness.partial ?? 1;
          send({
            type: 'open',
            page,
            audits: documents.map((x) => summary(x, Math.floor(x.n * share))),
            names,
          });
          if (page === 'dashboard') documents.forEach((x) => stream(x, Math.floor(x.n * share)));
          else if (page === 'policy') state.policy();
          else state.detail(window.harness.response ?? 24);
        } else if (message.type === 'openDetail' && page === 'detail')
          state.detail(message.response);
        else if (message.type === 'request')
          send({ type: 'answer', id: message.id, answer: answers[message.name](message.params) });
      }, 15);
    },
  });
})();
