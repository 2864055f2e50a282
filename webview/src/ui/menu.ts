import { button, el, type IconName } from './dom.js';

export interface MenuItem {
  readonly label: string;
  readonly run: () => void;
}

/** An icon button with a menu (the ARIA menu button pattern: arrows, Home, End, Escape). */
export function menuButton(label: string, icon: IconName, items: readonly MenuItem[]): HTMLElement {
  const menu = el('div', { class: 'menu', role: 'menu', hidden: true, 'aria-label': label });
  const opener = button(label, icon, () => toggle(menu.hidden !== false), {
    class: 'icon-button',
    'aria-label': label,
    title: label,
    'aria-haspopup': 'menu',
    'aria-expanded': 'false',
  });
  const entries = items.map((item) =>
    button(
      item.label,
      undefined,
      () => {
        toggle(false);
        opener.focus();
        item.run();
      },
      { role: 'menuitem', tabindex: -1 },
    ),
  );
  menu.append(...entries);
  const box = el('div', { class: 'menu-box' }, opener, menu);

  const toggle = (open: boolean): void => {
    menu.hidden = !open;
    opener.setAttribute('aria-expanded', String(open));
    if (open) entries[0]?.focus();
  };
  box.addEventListener('focusout', (e) => {
    if (!box.contains(e.relatedTarget as Node | null)) toggle(false);
  });
  box.addEventListener('keydown', (e) => {
    const at = entries.indexOf(document.activeElement as HTMLButtonElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[e.key];
    if (e.key === 'Escape' && !menu.hidden) {
      toggle(false);
      opener.focus();
    } else if (to !== undefined) {
      if (menu.hidden) toggle(true);
      else entries.at(to % entries.length)?.focus();
    } else return;
    e.preventDefault();
    e.stopPropagation();
  });
  return box;
}
