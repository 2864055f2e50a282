/**
 * Runs in the page. Squiggles on the screen with the text under each, in the order of reading:
 * `{ severity, text, top, left, right, bottom }`. A wrapped line has one for each of its rows. The text is
 * measured glyph by glyph, so a wrong range shows.
 */
export function squigglesOnScreen() {
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
}
