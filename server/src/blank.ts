/** Printable ASCII, with which most texts begin. */
const isShown = (code: number): boolean => code > 0x20 && code < 0x7f;

/** No character that anybody sees: white space, controls, zero-width characters and fillers. */
export const isBlank = (text: string): boolean =>
  !isShown(text.charCodeAt(0)) &&
  /^[\s\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\u2800]*$/u.test(text);
