/**
 * The first key that stands twice in one object of a JSON text; JSON.parse takes the last one in silence.
 * @param json a text that JSON.parse takes
 */
export function doubleKey(json: string): string | undefined {
  // Of each object or list that is open at this point; lists have no keys.
  const open: (Set<string> | undefined)[] = [];
  for (const [token, text, colon] of json.matchAll(
    /("[^"\\]*(?:\\.[^"\\]*)*")(?:\s*(:))?|[{}[\]]/gs,
  )) {
    if (token === '{') open.push(new Set());
    else if (token === '[') open.push(undefined);
    else if (token === '}' || token === ']') open.pop();
    else if (text !== undefined && colon !== undefined) {
      const name = JSON.parse(text) as string;
      const keys = open.at(-1);
      if (keys?.has(name)) return name;
      keys?.add(name);
    }
  }
  return undefined;
}
