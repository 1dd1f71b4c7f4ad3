import { LabIcon } from '@jupyterlab/ui-components';

/** A place in concentric ranges. `jp-icon3` takes the colour of the theme. */
export const workbenchIcon = new LabIcon({
  name: 'ip-workbench:icon',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
<g class="jp-icon3" fill="#616161"><path d="M12 1a8 8 0 0 0-8 8c0 5.6 8 14 8 14s8-8.400 8-14a8 8 0 0 0-8-8Zm0 2.200A5.800 5.800 0 0 1 17.800 9c0 3.300-3.600 8.100-5.800 10.700C9.800 17.100 6.200 12.300 6.200 9A5.800 5.800 0 0 1 12 3.200Z"/><circle cx="12" cy="9" r="2.600"/></g></svg>`
});
