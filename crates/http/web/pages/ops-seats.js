import { html, mount } from "../app/ui.js";
mount(() => html`<p></p>`);
