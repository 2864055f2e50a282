// Made-up scores and findings of the pages' stand-in host, the same in every run. Loaded before fake-host.js.
(() => {
  const K = 19;
  const levels = Array.from({ length: K }, (_, k) => (k + 1) / (K + 1));
  let seed = 7;
  const random = () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed / 2 ** 32;
  };
  const normal = () =>
    Math.sqrt(-2 * Math.log(random() + 1e-12)) * Math.cos(2 * Math.PI * random());

  function makeDocument(uri, n, shift) {
    const f = () => new Float32Array(n).fill(NaN);
    const u = () => new Uint32Array(n);
    const c = {
      expectation: f(),
      tail: f(),
      cvar: f(),
      spread: f(),
      certaintyEquivalent: f(),
      beats: f(),
      margin: f(),
      kind: new Uint8Array(n),
      modes: new Uint8Array(n).fill(1),
      row: u(),
      line: u(),
      conversation: u(),
      target: u(),
      partner: u().fill(0xffffffff),
      tokens: u().fill(212),
    };
    for (let i = 0; i < n; i++) {
      const bad = random() < 0.18;
      const e = 0.56 + shift + 0.09 * normal() - (bad ? 0.17 : 0);
      const gap = 0.12 + 0.05 * Math.abs(normal()) + (bad ? 0.08 * random() : 0);
      c.expectation[i] = e;
      c.tail[i] = e - gap;
      c.cvar[i] = e - gap * 0.8;
      c.spread[i] = gap * 1.8;
      c.certaintyEquivalent[i] = e - gap * 0.1;
      c.kind[i] = i % 2;
      c.row[i] = i >> 1;
      c.line[i] = i >> 1;
      c.conversation[i] = i % 2;
      c.target[i] = 3;
      c.partner[i] = i ^ 1;
    }
    for (let i = 0; i + 1 < n; i += 2) {
      const m = c.expectation[i] - c.expectation[i + 1];
      c.margin[i] = m;
      c.beats[i] = 1 / (1 + Math.exp(-m * 9));
    }
    const sorted = Float32Array.from(c.tail).sort();
    const limit = sorted[Math.floor(n * 0.05)] ?? 0;
    const severe = sorted[Math.floor(n * 0.01)] ?? 0;
    const found = [];
    const counts = {};
    const add = (response, code, name, severity, message) => {
      found.push({ response, code, severity, name, message });
      counts[name] = (counts[name] ?? 0) + 1;
    };
    for (let i = 0; i < n; i++) {
      const t = c.tail[i];
      if (t <= limit)
        add(
          i,
          0,
          'low-left-tail',
          i % 2 ? 2 : t <= severe ? 0 : 1,
          `Low left tail: q05 is ${t.toFixed(3)}, at or below ${limit.toFixed(3)} (the dataset's lowest 5 %${t <= severe ? '; far below' : ''}).`,
        );
      if (c.beats[i] < 0.22)
        add(
          i,
          1,
          'inverted-pair',
          1,
          `Inverted pair: P(chosen beats rejected) is ${(100 * c.beats[i]).toFixed(1)} %, at or below 22.0 % (the dataset's lowest 5 %).`,
        );
      if (Math.abs(c.beats[i] - 0.5) < 0.012)
        add(
          i,
          2,
          'ambiguous-pair',
          2,
          `Ambiguous pair: P(chosen beats rejected) is ${(100 * c.beats[i]).toFixed(1)} %.`,
        );
      if (c.spread[i] > 0.52)
        add(
          i,
          3,
          'wide-distribution',
          2,
          `Wide distribution: q95 − q05 is ${c.spread[i].toFixed(3)}.`,
        );
    }
    return { uri, n, c, found, counts, limit, byResponse: Map.groupBy(found, (f) => f.response) };
  }

  window.fakeScores = { levels, random, normal, makeDocument };
})();
