/** Printable ASCII, with which most texts begin. */
const isShown = (code: number): boolean => code > 0x20 && code < 0x7f;

/** No character that anybody sees: white space, controls, zero-width characters and fillers. */
export const isBlank = (text: string): boolean =>
  !isShown(text.charCodeAt(0)) &&
  /^[\s\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\u2800]*$/u.test(text);

/** A text without what nobody sees before and after it. */
export function withoutBlanks(text: string): string {
  let from = 0;
  let to = text.length;
  while (from < to && isBlank(text.charAt(from))) from++;
  while (to > from && isBlank(text.charAt(to - 1))) to--;
  return text.slice(from, to);
}
