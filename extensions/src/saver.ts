/** Make a profile in the store of an address that was looked up. */

import type { Workbench } from './api';
import { button, el } from './dom';
import { AUDIENCE, LEVELS } from './tlp';

/** TLP:RED is for named people: wb.connect_store().profiles names them. */
const OFFERED = LEVELS.filter(level => level !== 'TLP:RED');

export function saver(workbench: Workbench, address: string): HTMLElement {
  const level = el(
    'select',
    { class: 'ipw-select', 'aria-label': 'The level of the profile' },
    ...OFFERED.map(each => el('option', { value: each, title: AUDIENCE[each], selected: each === 'TLP:AMBER' }, each))
  );
  const said = el('span', { role: 'status' });
  const save = button('Save as profile', 'Keep this address in the store, at this level', () => {
    save.disabled = true;
    said.classList.remove('ipw-mod-error');
    said.textContent = 'Saving …';
    workbench.createProfile(address, level.value).then(
      profile => {
        said.textContent = `Saved, ${profile.secrecy}, ${profile.owner}.`;
      },
      (error: Error) => {
        said.classList.add('ipw-mod-error');
        said.textContent = error.message;
        save.disabled = false;
      }
    );
  });
  return el('div', { class: 'ipw-saver' }, level, save, said);
}
